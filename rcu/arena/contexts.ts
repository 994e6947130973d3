/**
 * The context table: who is attached to the arena. A context is a worker's attachment. Its token names
 * it in lock words and in blocks' headers, and is never issued twice.
 *
 * @module
 */

import { type ContextName, RcuError } from "../errors/rcu_error.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { CONTEXT, CONTEXT_STATE, TOKEN_BITS } from "../kernel/layouts.ts";
import { type ArenaGeometry, HEADER } from "./header.ts";
import { encodeLabel, loadLabel, storeLabel } from "./label.ts";
import { sharedBuffer } from "./memory.ts";

const TOKEN_MASK = 2 ** TOKEN_BITS - 1;

/** In the order of {@linkcode CONTEXT_STATE}. */
const STATES: readonly ContextInfo["state"][] = ["gone", "alive", "expelled", "dead"];

/** A context as `Arena.contexts()` lists it. */
export interface ContextInfo extends ContextName {
  /**
   * What it is now: attached; told to stop by `expel`, but perhaps still running; dead, while an
   * eviction repairs what it left behind; or closed, or evicted.
   */
  readonly state: "alive" | "expelled" | "dead" | "gone";
  /** Whether its lock was seen held: then `evict` and `watch` notice its death. */
  readonly certified: boolean;
}

/** The table of one arena. Every call is lock-free. */
export class Contexts {
  readonly #kernel: Kernel;
  readonly #words: { readonly u32: Uint32Array; readonly u8: Uint8Array };
  readonly #geometry: ArenaGeometry;
  /** What this context's WHO says for as long as it is attached. */
  #ownWho = 0;
  #own = 0;

  /**
   * @param memory The arena's memory.
   * @param geometry Where its parts lie.
   */
  constructor(memory: WebAssembly.Memory, geometry: ArenaGeometry) {
    const buffer = sharedBuffer(memory);
    this.#kernel = instantiateKernel(memory);
    this.#words = { u32: new Uint32Array(buffer), u8: new Uint8Array(buffer) };
    this.#geometry = geometry;
  }

  /** The record of this context. */
  get record(): number {
    return this.#own;
  }

  /**
   * Claims a record for this context.
   *
   * @param label Its label.
   * @returns Its token.
   * @throws {RcuError} `LABEL_TOO_LONG` if the label has more than 63 bytes.
   * @throws {RcuError} `CONTEXT_LIMIT` if every record has a context.
   */
  join(label: string): number {
    const bytes = encodeLabel(label, CONTEXT);
    const { contexts, contextsAt } = this.#geometry;
    const record = this.#kernel.joinContext(contextsAt, contexts, HEADER.nextToken.at(0)) >>> 0;
    if (record === 0) {
      const spent = this.#kernel.load32(HEADER.nextToken.at(0)) >>> 0 >= TOKEN_MASK;
      throw new RcuError("CONTEXT_LIMIT", { limit: spent ? TOKEN_MASK : contexts });
    }
    this.#own = record;
    this.#ownWho = this.#kernel.load32(CONTEXT.who.at(record));
    const token = this.#ownWho & TOKEN_MASK;
    storeLabel(this.#words, CONTEXT, record, bytes);
    this.#kernel.store32(CONTEXT.labelled.at(record), token);
    return token;
  }

  /** Whether this context is still attached: the check at the start of every call, one load. */
  isAttached(): boolean {
    return this.#kernel.load32(this.#own) === this.#ownWho;
  }

  /** What a context is. */
  stateOf(token: number): ContextInfo["state"] {
    const record = this.#find(token);
    return record === 0 ? "gone" : this.#state(record, token);
  }

  /** Whether a context certainly runs no more: what it holds may be taken. */
  isGone(token: number): boolean {
    const state = this.stateOf(token);
    return state === "gone" || state === "dead";
  }

  /** Tells a context to stop: its next call throws. */
  expel(token: number): void {
    this.#move(token, CONTEXT_STATE.ALIVE, CONTEXT_STATE.EXPELLED);
  }

  /** Marks a context that certainly runs no more; whether there is anything to repair. */
  declareDead(token: number): boolean {
    this.#move(token, CONTEXT_STATE.ALIVE, CONTEXT_STATE.DEAD);
    this.#move(token, CONTEXT_STATE.EXPELLED, CONTEXT_STATE.DEAD);
    return this.stateOf(token) === "dead";
  }

  /** Frees the record of a dead context, once all that it left behind is repaired. */
  bury(token: number): void {
    this.#move(token, CONTEXT_STATE.DEAD, CONTEXT_STATE.GONE);
  }

  /** Frees the record of a context that closes its arena. One that was expelled awaits its eviction. */
  leave(token: number): void {
    this.#move(token, CONTEXT_STATE.ALIVE, CONTEXT_STATE.GONE);
  }

  /** Notes that the lock of a context was seen held: once it is free, the context is dead. */
  certify(token: number): void {
    const record = this.#find(token);
    if (record !== 0) this.#kernel.store32(CONTEXT.certified.at(record), token);
  }

  /** Whether the lock of a context was seen held. */
  isCertified(token: number): boolean {
    const record = this.#find(token);
    return record !== 0 && this.#kernel.load32(CONTEXT.certified.at(record)) === token;
  }

  /** Counts functions that this context has queued (`by` > 0) or run (`by` < 0). */
  countQueuedFunctions(by: number): void {
    if (this.isAttached()) this.#kernel.add32(CONTEXT.queued.at(this.#own), by);
  }

  /** How many functions a context has queued and not run, according to its record. */
  queuedFunctions(token: number): number {
    const record = this.#find(token);
    if (record === 0 || !this.#isLabelled(record, token)) return 0;
    return this.#kernel.load32(CONTEXT.queued.at(record)) >>> 0;
  }

  /** Pins (`by` = 1) or unpins (`by` = -1) the members for this context. */
  pin(by: 1 | -1): void {
    this.#kernel.add32(CONTEXT.pins.at(this.#own), by);
  }

  /** Whether a context that may still run has pinned the members. */
  isPinned(): boolean {
    const { contexts, contextsAt } = this.#geometry;
    return this.#kernel.isPinned(contextsAt, contexts) !== 0;
  }

  /** Whether a token was ever issued. */
  wasIssued(token: number): boolean {
    return Number.isInteger(token) && token > 0 &&
      token < this.#kernel.load32(HEADER.nextToken.at(0));
  }

  /** Names a context; its label is known until its record is used again. */
  nameOf(token: number): ContextName {
    const record = this.#find(token);
    return { token, label: record === 0 ? "" : this.#label(record, token) };
  }

  /** Lists every context that has a record. */
  list(): ContextInfo[] {
    const found: ContextInfo[] = [];
    for (const record of this.#records()) {
      const token = this.#kernel.load32(record) & TOKEN_MASK;
      if (token === 0) continue;
      const certified = this.#kernel.load32(CONTEXT.certified.at(record)) === token;
      const state = this.#state(record, token);
      found.push({ token, label: this.#label(record, token), state, certified });
    }
    return found.sort((a, b) => a.token - b.token);
  }

  #state(record: number, token: number): ContextInfo["state"] {
    const who = this.#kernel.load32(record);
    return (who & TOKEN_MASK) === token ? STATES[who >>> TOKEN_BITS]! : "gone";
  }

  #label(record: number, token: number): string {
    return this.#isLabelled(record, token) ? loadLabel(this.#words, CONTEXT, record) : "";
  }

  #isLabelled(record: number, token: number): boolean {
    return this.#kernel.load32(CONTEXT.labelled.at(record)) === token;
  }

  #move(token: number, from: number, to: number): void {
    const record = this.#find(token);
    if (record !== 0) this.#kernel.moveContext(record, token, from, to);
  }

  /** The record that names a token, or 0. */
  #find(token: number): number {
    for (const record of this.#records()) {
      if ((this.#kernel.load32(record) & TOKEN_MASK) === token) return record;
    }
    return 0;
  }

  *#records(): Generator<number> {
    const end = this.#geometry.contextsAt + this.#geometry.contexts * CONTEXT.size;
    for (let record = this.#geometry.contextsAt; record < end; record += CONTEXT.size) {
      yield record;
    }
  }
}
