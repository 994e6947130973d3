/**
 * The context table: who is attached to the arena. A context is a worker's attachment. Its token names
 * it in lock words and in blocks' headers, and is never issued twice.
 *
 * @module
 */

import { type ContextName, RcuError } from "../errors/rcu_error.ts";
import { type ArenaGeometry, CONTEXT, HEADER } from "./header.ts";
import { encodeLabel, loadLabel, storeLabel } from "./label.ts";

/** States of a context, kept in the two bits above its token. */
const ALIVE = 1;
const EVICTED = 2;
const CLOSED = 3;
const TOKEN_BITS = 30;
const TOKEN_MASK = (1 << TOKEN_BITS) - 1;

/** A context as `Arena.contexts()` lists it. */
export interface ContextInfo extends ContextName {
  /** Whether it is attached; false once it has closed its arena or was evicted. */
  readonly alive: boolean;
}

/** The table of one arena. Needs no lock. */
export class Contexts {
  readonly #i32: Int32Array;
  readonly #words: { readonly u32: Uint32Array; readonly u8: Uint8Array };
  readonly #geometry: ArenaGeometry;
  /** Record of this context, and what its WHO says as long as it is alive. */
  #own = 0;
  #ownWho = 0;

  /**
   * @param buffer The arena's memory.
   * @param geometry Where its parts lie.
   */
  constructor(buffer: SharedArrayBuffer, geometry: ArenaGeometry) {
    this.#i32 = new Int32Array(buffer);
    this.#words = { u32: new Uint32Array(buffer), u8: new Uint8Array(buffer) };
    this.#geometry = geometry;
  }

  /**
   * Claims a record for this context.
   *
   * @param label Its label.
   * @returns Its token.
   * @throws {RcuError} `LABEL_TOO_LONG` if the label has more than 63 bytes.
   * @throws {RcuError} `CONTEXT_LIMIT` if every record belongs to a living context.
   */
  join(label: string): number {
    const bytes = encodeLabel(label, CONTEXT);
    const i32 = this.#i32;
    // The record unused for longest is taken, so that labels stay known for as long as they can.
    for (;;) {
      const record = this.#oldestUnused();
      const seen = Atomics.load(i32, CONTEXT.who.index(record));
      if (seen >>> TOKEN_BITS === ALIVE) continue;
      const token = Atomics.add(i32, HEADER.nextToken.index(0), 1);
      if (token >= TOKEN_MASK) throw new RcuError("CONTEXT_LIMIT", { limit: TOKEN_MASK });
      if (
        Atomics.compareExchange(
          i32,
          CONTEXT.who.index(record),
          seen,
          token | (ALIVE << TOKEN_BITS),
        ) !== seen
      ) {
        continue;
      }
      storeLabel(this.#words, CONTEXT, record, bytes);
      CONTEXT.queued.set(this.#words.u32, record, 0);
      Atomics.store(i32, CONTEXT.labelled.index(record), token);
      this.#own = record;
      this.#ownWho = token | (ALIVE << TOKEN_BITS);
      return token;
    }
  }

  /** Counts functions that this context has queued (`by` > 0) or run (`by` < 0). */
  countQueuedFunctions(by: number): void {
    if (this.isAttached()) Atomics.add(this.#i32, CONTEXT.queued.index(this.#own), by);
  }

  /** How many functions a context had queued and not run, according to its record. */
  queuedFunctions(token: number): number {
    const record = this.#find(token, EVICTED);
    return record === -1 ? 0 : Atomics.load(this.#i32, CONTEXT.queued.index(record));
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
    return Atomics.load(this.#i32, CONTEXT.who.index(this.#own)) === this.#ownWho;
  }

  /** Whether the context is attached and not evicted. */
  isAlive(token: number): boolean {
    return this.#find(token, ALIVE) !== -1;
  }

  /** Whether a token was ever issued. */
  wasIssued(token: number): boolean {
    return Number.isInteger(token) && token > 0 &&
      token < Atomics.load(this.#i32, HEADER.nextToken.index(0));
  }

  /** Names a context; its label is known until its record is used again. */
  nameOf(token: number): ContextName {
    for (let record = this.#first(); record < this.#end(); record += CONTEXT.size) {
      if ((Atomics.load(this.#i32, CONTEXT.who.index(record)) & TOKEN_MASK) === token) {
        return { token, label: this.#label(record, token) };
      }
    }
    return { token, label: "" };
  }

  /** Lists every context that has a record. */
  list(): ContextInfo[] {
    const found: ContextInfo[] = [];
    for (let record = this.#first(); record < this.#end(); record += CONTEXT.size) {
      const who = Atomics.load(this.#i32, CONTEXT.who.index(record));
      const token = who & TOKEN_MASK;
      if (token === 0) continue;
      found.push({ token, label: this.#label(record, token), alive: who >>> TOKEN_BITS === ALIVE });
    }
    return found.sort((a, b) => a.token - b.token);
  }

  #label(record: number, token: number): string {
    if (Atomics.load(this.#i32, CONTEXT.labelled.index(record)) !== token) return "";
    return loadLabel(this.#words, CONTEXT, record);
  }

  #oldestUnused(): number {
    let oldest = -1;
    let lowest = Infinity;
    for (let record = this.#first(); record < this.#end(); record += CONTEXT.size) {
      const who = Atomics.load(this.#i32, CONTEXT.who.index(record));
      if (who >>> TOKEN_BITS === ALIVE || (who & TOKEN_MASK) >= lowest) continue;
      lowest = who & TOKEN_MASK;
      oldest = record;
    }
    if (oldest === -1) throw new RcuError("CONTEXT_LIMIT", { limit: this.#geometry.contexts });
    return oldest;
  }

  #change(token: number, state: number): boolean {
    const record = this.#find(token, ALIVE);
    if (record === -1) return false;
    const alive = token | (ALIVE << TOKEN_BITS);
    return Atomics.compareExchange(
      this.#i32,
      CONTEXT.who.index(record),
      alive,
      token | (state << TOKEN_BITS),
    ) ===
      alive;
  }

  #find(token: number, state: number): number {
    const who = token | (state << TOKEN_BITS);
    for (let record = this.#first(); record < this.#end(); record += CONTEXT.size) {
      if (Atomics.load(this.#i32, CONTEXT.who.index(record)) === who) return record;
    }
    return -1;
  }

  #first(): number {
    return this.#geometry.contextsAt;
  }

  #end(): number {
    return this.#first() + this.#geometry.contexts * CONTEXT.size;
  }
}
