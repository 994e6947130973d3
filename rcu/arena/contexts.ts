/**
 * The context table: who is attached to the arena. A context is a worker's attachment; its token
 * names it in lock words and in the headers of blocks, and is never issued twice.
 *
 * @module
 */

import { type ContextName, RcuError } from "../errors/rcu_error.ts";
import { CONTEXT_BYTES, type Layout, Word } from "./layout.ts";

/** Most bytes of a label in UTF-8. */
export const LABEL_LIMIT = 63;

/** What became of a context; kept in the two bits above its token. */
const ALIVE = 1;
const EVICTED = 2;
const CLOSED = 3;
const TOKEN_BITS = 30;
const TOKEN_MASK = (1 << TOKEN_BITS) - 1;

/**
 * Words of a record. WHO is token and state in one word, so that one compare-and-swap claims,
 * closes or evicts. LABELLED repeats the token once the label is written: a label counts only when
 * both agree. Records are written by their context; WHO also by the one that evicts it.
 */
const WHO = 0;
const LABELLED = 1;
const LABEL_LENGTH = 2;
const LABEL_AT = 16;
/** Functions that the context has queued and not yet run; written by its context alone. */
const QUEUED = 20;

/** A context as `Arena.contexts()` lists it. */
export interface ContextInfo extends ContextName {
  /** Whether it is attached; false once it has closed its arena or was evicted. */
  readonly alive: boolean;
}

/** Checks and encodes a label. */
function encodeLabel(label: string): Uint8Array {
  const bytes = new TextEncoder().encode(label);
  if (bytes.length > LABEL_LIMIT) {
    throw new RcuError("LABEL_TOO_LONG", { label, bytes: bytes.length, limit: LABEL_LIMIT });
  }
  return bytes;
}

/** The table of one arena. Needs no lock. */
export class Contexts {
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;
  readonly #layout: Layout;
  /** Record of this context, and what its WHO says as long as it is alive. */
  #own = 0;
  #ownWho = 0;

  /**
   * @param buffer The arena's memory
   * @param layout Its layout
   */
  constructor(buffer: SharedArrayBuffer, layout: Layout) {
    this.#i32 = new Int32Array(buffer);
    this.#u8 = new Uint8Array(buffer);
    this.#layout = layout;
  }

  /**
   * Claims a record for this context.
   *
   * @param label Its label
   * @returns Its token
   * @throws {RcuError} `LABEL_TOO_LONG`: if the label has more than 63 bytes
   * @throws {RcuError} `CONTEXT_LIMIT`: if every record belongs to a living context
   */
  join(label: string): number {
    const bytes = encodeLabel(label);
    const i32 = this.#i32;
    // The record unused for longest is taken, so that labels stay known for as long as they can.
    for (;;) {
      const index = this.#oldestUnused();
      const seen = Atomics.load(i32, index + WHO);
      if (seen >>> TOKEN_BITS === ALIVE) continue;
      const token = Atomics.add(i32, Word.NEXT_TOKEN, 1);
      if (token >= TOKEN_MASK) throw new RcuError("CONTEXT_LIMIT", { limit: TOKEN_MASK });
      if (Atomics.compareExchange(i32, index + WHO, seen, token | (ALIVE << TOKEN_BITS)) !== seen) {
        continue;
      }
      this.#u8.set(bytes, index * 4 + LABEL_AT);
      i32[index + LABEL_LENGTH] = bytes.length;
      i32[index + QUEUED] = 0;
      Atomics.store(i32, index + LABELLED, token);
      this.#own = index;
      this.#ownWho = token | (ALIVE << TOKEN_BITS);
      return token;
    }
  }

  /** Counts functions that this context has queued (`by` > 0) or run (`by` < 0). */
  countQueuedFunctions(by: number): void {
    if (this.isAttached()) Atomics.add(this.#i32, this.#own + QUEUED, by);
  }

  /** How many functions a context had queued and not run, by what its record says. */
  queuedFunctions(token: number): number {
    const index = this.#find(token, EVICTED);
    return index === -1 ? 0 : Atomics.load(this.#i32, index + QUEUED);
  }

  /** Gives the record back. */
  leave(token: number): void {
    this.#change(token, CLOSED);
  }

  /** Marks a context as evicted; false if it was not alive. */
  evict(token: number): boolean {
    return this.#change(token, EVICTED);
  }

  /** Whether this context is still attached: the check at the start of every call, one load. */
  isAttached(): boolean {
    return Atomics.load(this.#i32, this.#own + WHO) === this.#ownWho;
  }

  /** Whether the context is attached and not evicted. */
  isAlive(token: number): boolean {
    return this.#find(token, ALIVE) !== -1;
  }

  /** Whether a token was ever issued. */
  wasIssued(token: number): boolean {
    return Number.isInteger(token) && token > 0 && token < Atomics.load(this.#i32, Word.NEXT_TOKEN);
  }

  /** Names a context; its label is known until its record is used again. */
  nameOf(token: number): ContextName {
    for (let index = this.#first(); index < this.#end(); index += CONTEXT_BYTES / 4) {
      if ((Atomics.load(this.#i32, index + WHO) & TOKEN_MASK) === token) {
        return { token, label: this.#label(index, token) };
      }
    }
    return { token, label: "" };
  }

  /** Lists every context that has a record. */
  list(): ContextInfo[] {
    const found: ContextInfo[] = [];
    for (let index = this.#first(); index < this.#end(); index += CONTEXT_BYTES / 4) {
      const who = Atomics.load(this.#i32, index + WHO);
      const token = who & TOKEN_MASK;
      if (token === 0) continue;
      found.push({ token, label: this.#label(index, token), alive: who >>> TOKEN_BITS === ALIVE });
    }
    return found.sort((a, b) => a.token - b.token);
  }

  #label(index: number, token: number): string {
    if (Atomics.load(this.#i32, index + LABELLED) !== token) return "";
    const start = index * 4 + LABEL_AT;
    // A copy, since browsers refuse to decode shared memory.
    return new TextDecoder().decode(
      this.#u8.slice(start, start + this.#i32[index + LABEL_LENGTH]!),
    );
  }

  #oldestUnused(): number {
    let oldest = -1;
    let lowest = Infinity;
    for (let index = this.#first(); index < this.#end(); index += CONTEXT_BYTES / 4) {
      const who = Atomics.load(this.#i32, index + WHO);
      if (who >>> TOKEN_BITS === ALIVE || (who & TOKEN_MASK) >= lowest) continue;
      lowest = who & TOKEN_MASK;
      oldest = index;
    }
    if (oldest === -1) throw new RcuError("CONTEXT_LIMIT", { limit: this.#layout.contexts });
    return oldest;
  }

  #change(token: number, state: number): boolean {
    const index = this.#find(token, ALIVE);
    if (index === -1) return false;
    const alive = token | (ALIVE << TOKEN_BITS);
    return Atomics.compareExchange(this.#i32, index + WHO, alive, token | (state << TOKEN_BITS)) ===
      alive;
  }

  #find(token: number, state: number): number {
    const who = token | (state << TOKEN_BITS);
    for (let index = this.#first(); index < this.#end(); index += CONTEXT_BYTES / 4) {
      if (Atomics.load(this.#i32, index + WHO) === who) return index;
    }
    return -1;
  }

  #first(): number {
    return this.#layout.contextsAt / 4;
  }

  #end(): number {
    return this.#first() + this.#layout.contexts * (CONTEXT_BYTES / 4);
  }
}
