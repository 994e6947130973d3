import { type Arena, BlockingForbiddenError, EvictedError } from "@guestmem/rcu";
import {
  canBlock,
  instantiateKernel,
  refuseInAnySection,
  waitAsync,
  waitOutside,
} from "@guestmem/rcu/internal";
import { Halves } from "../device/halves.ts";
import { MemTxResult } from "../device/mem_tx_result.ts";
import { departFrom, type MmioChannel, ring } from "./mmio_channel.ts";
import {
  ChannelWord,
  DEPARTED,
  mailAt,
  MailState,
  MailWord,
  MAX_DEPTH,
  stationAt,
  StationWord,
  VACANT,
} from "./channel_structs.ts";
import { type MmioRequest, readRequest, writeRequest } from "./mmio_request.ts";
import { FlatViewError } from "../../errors/flat_view_error.ts";

/** A waiter looks this often whether it was itself evicted. */
const RECHECK_MS = 1000;
/** Looks before a waiter sleeps: a device that polls answers within so many. */
const SPINS = 200;

/** Runs a request in the context that owns the device: the result, and what was read in `value`. */
export type RunRequest = (request: MmioRequest, value: Halves) => number;

/**
 * One context's place in an MMIO channel: what it asks of others, and what it serves for them.
 *
 * **No deadlock.** A context that waits serves nobody: the callback that led to its request is not
 * over. But if the context it waits for waits in turn, directly or through others, for this one, then
 * neither would go on. So a waiter that finds itself in such a ring serves the request that closes
 * it: as a nested callback, if the device asked for has none running here, else by refusing it. Both
 * are what QEMU does in one thread: a device may lead to another that leads to a third of the same
 * context, and one that is entered again while its callback runs is refused.
 *
 * Whoever posts the last request of a ring rings its target's doorbell after it has posted, and the
 * target looks for rings after each ringing: so the last one to be woken sees the whole of it.
 */
export class MmioEndpoint {
  /** MmioDispatcher whose callbacks run in this context or have led to one that does. */
  readonly engaged: number[] = [];
  readonly #arena: Arena;
  readonly #i32: Int32Array;
  readonly #channel: number;
  readonly #stations: number;
  readonly #index: number;
  readonly #station: number;
  readonly #run: RunRequest;
  /** Index of the station of a context, as it was found last; checked at each use. */
  readonly #known = new Map<number, number>();
  #depth = 0;

  /** @throws {FlatViewError} `MMIO_CHANNEL_FULL` if all stations are taken. */
  constructor(channel: MmioChannel, run: RunRequest) {
    this.#arena = channel.arena;
    this.#i32 = channel.arena.i32;
    this.#channel = channel.handle.offset;
    this.#stations = this.#i32[(this.#channel >>> 2) + ChannelWord.STATIONS]!;
    this.#run = run;
    this.#index = this.#claim();
    this.#station = stationAt(this.#channel, this.#index);
  }

  /** Whether a device's callback has led to what this context does now. */
  isEngaged(device: number): boolean {
    return this.engaged.includes(device);
  }

  /**
   * Has the context with this token perform an access, and waits for it.
   *
   * @param value Takes what was read.
   * @returns What became of it; {@linkcode RETRY} if the map has changed meanwhile.
   * @throws {WaitInSectionError} Inside a section; nothing was posted.
   * @throws {BlockingForbiddenError} Where blocking is forbidden; nothing was posted.
   * @throws {EvictedError} If this context was evicted while it waited.
   */
  call(context: number, request: MmioRequest, value: Halves): number {
    const action = "wait for a device in another context";
    refuseInAnySection(this.#arena, action);
    if (!canBlock()) throw new BlockingForbiddenError({ action });
    const target = this.#find(context);
    if (target < 0) return MemTxResult.ERROR;
    if (this.#depth === MAX_DEPTH || this.engaged.length >= MAX_DEPTH) {
      return MemTxResult.ACCESS_ERROR;
    }
    const mail = mailAt(this.#station, this.#depth);
    const number = this.#post(mail, target, context, request);
    try {
      this.#await(mail, action);
      return this.#result(mail, value);
    } finally {
      this.#depth--;
      // One that was evicted may find its station taken: numbers tell its request from a newer one.
      if (Atomics.load(this.#i32, this.#station + StationWord.TOKEN) === this.#arena.token) {
        Atomics.store(this.#i32, this.#station + StationWord.DEPTH, this.#depth);
      }
      const state = Atomics.load(this.#i32, mail + MailWord.STATE);
      if ((state & ~7) === number) {
        Atomics.compareExchange(this.#i32, mail + MailWord.STATE, state, number | MailState.IDLE);
      }
    }
  }

  /** How many stations may have posted something that is not served yet. */
  get pending(): number {
    let count = 0;
    for (let word = 0; word * 32 < this.#stations; word++) {
      let bits = Atomics.load(this.#i32, this.#station + StationWord.CALLERS + word);
      for (; bits !== 0; bits &= bits - 1) count++;
    }
    return count;
  }

  /** Serves what waits to be served. Never waits. @returns How many requests. */
  poll(): number {
    let served = 0;
    for (let word = 0; word * 32 < this.#stations; word++) {
      const at = this.#station + StationWord.CALLERS + word;
      for (let bits = Atomics.load(this.#i32, at); bits !== 0; bits = Atomics.load(this.#i32, at)) {
        const bit = 31 - Math.clz32(bits);
        // The bit goes before the look: what is posted later sets it again.
        Atomics.and(this.#i32, at, ~(1 << bit));
        served += this.#serveFrom(word * 32 + bit);
      }
    }
    return served;
  }

  /**
   * Serves requests, blocking until there is one.
   *
   * @param milliseconds How long to wait at most.
   * @returns How many requests were served, 0 if the time is over or somebody rang for nothing.
   */
  serve(milliseconds: number): number {
    const action = "wait for MMIO requests";
    refuseInAnySection(this.#arena, action);
    const doorbell = this.#station + StationWord.DOORBELL;
    const seen = Atomics.load(this.#i32, doorbell);
    const served = this.poll();
    if (served > 0) return served;
    waitOutside(
      this.#arena,
      action,
      () => instantiateKernel(this.#arena.memory).wait32(doorbell * 4, seen, milliseconds),
    );
    return this.poll();
  }

  /** Serves requests from this context's event loop, and keeps the process alive, until aborted. */
  async listen(signal: AbortSignal): Promise<void> {
    const doorbell = this.#station + StationWord.DOORBELL;
    while (!signal.aborted) {
      const seen = Atomics.load(this.#i32, doorbell);
      this.poll();
      await waitAsync(this.#i32, doorbell, seen, RECHECK_MS, signal);
    }
  }

  /** Leaves the channel: what others still ask of this context fails. */
  leave(): void {
    departFrom(this.#i32, this.#channel, this.#arena.token);
  }

  #claim(): number {
    for (let index = 0; index < this.#stations; index++) {
      const station = stationAt(this.#channel, index);
      const token = Atomics.load(this.#i32, station + StationWord.TOKEN);
      if (token !== VACANT && token !== DEPARTED || !this.#isQuiet(station)) continue;
      const at = station + StationWord.TOKEN;
      if (Atomics.compareExchange(this.#i32, at, token, this.#arena.token) === token) {
        Atomics.store(this.#i32, station + StationWord.DEPTH, 0);
        return index;
      }
    }
    throw new FlatViewError("MMIO_CHANNEL_FULL", { contexts: this.#stations });
  }

  /** Whether no request of a station's former context is still on its way. */
  #isQuiet(station: number): boolean {
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const state = Atomics.load(this.#i32, mailAt(station, depth) + MailWord.STATE) & 7;
      if (state === MailState.POSTED || state === MailState.SERVING) return false;
    }
    return true;
  }

  /** Index of the station of a context, or -1. Tokens are never used again. */
  #find(context: number): number {
    const known = this.#known.get(context) ?? 0;
    for (let step = 0; step < this.#stations; step++) {
      const index = (known + step) % this.#stations;
      if (this.#tokenOf(index) !== context) continue;
      if (step > 0) this.#known.set(context, index);
      return index;
    }
    this.#known.delete(context);
    return -1;
  }

  #tokenOf(index: number): number {
    return Atomics.load(this.#i32, stationAt(this.#channel, index) + StationWord.TOKEN);
  }

  /** Posts a request; if the target is gone by then it fails at once. @returns Its number times 8. */
  #post(mail: number, target: number, context: number, request: MmioRequest): number {
    const i32 = this.#i32;
    const number = (Atomics.load(i32, mail + MailWord.STATE) & ~7) + 8;
    writeRequest(i32, mail, request);
    i32[mail + MailWord.TARGET] = target;
    i32[mail + MailWord.ENGAGED] = this.engaged.length;
    this.engaged.forEach((device, at) => i32[mail + MailWord.DEVICES + at] = device);
    this.#depth++;
    Atomics.store(i32, this.#station + StationWord.DEPTH, this.#depth);
    Atomics.store(i32, mail + MailWord.STATE, number | MailState.POSTED);
    const station = stationAt(this.#channel, target);
    // Posted first, looked second: see departFrom.
    if (Atomics.load(i32, station + StationWord.TOKEN) !== context) {
      const posted = number | MailState.POSTED;
      Atomics.compareExchange(i32, mail + MailWord.STATE, posted, number | MailState.GONE);
    } else {
      const at = station + StationWord.CALLERS + (this.#index >>> 5);
      Atomics.or(i32, at, 1 << (this.#index & 31));
      ring(i32, station);
    }
    return number;
  }

  #await(mail: number, action: string): void {
    const doorbell = this.#station + StationWord.DOORBELL;
    for (let spins = 0;; spins++) {
      const seen = Atomics.load(this.#i32, doorbell);
      const state = Atomics.load(this.#i32, mail + MailWord.STATE) & 7;
      if (state === MailState.DONE || state === MailState.GONE) return;
      if (spins < SPINS) continue;
      if (this.#serveRing()) continue;
      waitOutside(
        this.#arena,
        action,
        () => instantiateKernel(this.#arena.memory).wait32(doorbell * 4, seen, RECHECK_MS),
      );
      const { token } = this.#arena;
      if (Atomics.load(this.#i32, this.#station + StationWord.TOKEN) !== token) {
        throw new EvictedError({ token });
      }
    }
  }

  #result(mail: number, value: Halves): number {
    const state = Atomics.load(this.#i32, mail + MailWord.STATE) & 7;
    if (state === MailState.GONE) {
      value.set(0, 0);
      return MemTxResult.ERROR;
    }
    value.set(this.#i32[mail + MailWord.LOW]!, this.#i32[mail + MailWord.HIGH]!);
    return this.#i32[mail + MailWord.RESULT]!;
  }

  /** Serves the request that closes a ring of waiting contexts with this one; whether there was one. */
  #serveRing(): boolean {
    let served = false;
    let station = this.#index;
    for (let step = 0; step < this.#stations; step++) {
      station = this.#waitsFor(station);
      if (station < 0 || station === this.#index) break;
      if (this.#asks(station)) served = this.#serveFrom(station) > 0 || served;
    }
    return served;
  }

  /** The station that a station's context waits for, or -1. */
  #waitsFor(index: number): number {
    const station = stationAt(this.#channel, index);
    const depth = this.#depthOf(station);
    if (depth === 0) return -1;
    const mail = mailAt(station, depth - 1);
    const state = Atomics.load(this.#i32, mail + MailWord.STATE) & 7;
    const isOpen = state === MailState.POSTED || state === MailState.SERVING;
    return isOpen ? this.#i32[mail + MailWord.TARGET]! : -1;
  }

  /** Whether a station has a request for this one that nobody serves yet. */
  #asks(index: number): boolean {
    const station = stationAt(this.#channel, index);
    for (let depth = this.#depthOf(station); depth-- > 0;) {
      if (this.#isForMe(mailAt(station, depth))) return true;
    }
    return false;
  }

  #depthOf(station: number): number {
    return Atomics.load(this.#i32, station + StationWord.DEPTH);
  }

  #isForMe(mail: number): boolean {
    const state = Atomics.load(this.#i32, mail + MailWord.STATE) & 7;
    return state === MailState.POSTED && this.#i32[mail + MailWord.TARGET] === this.#index;
  }

  #serveFrom(index: number): number {
    const station = stationAt(this.#channel, index);
    let served = 0;
    for (let depth = this.#depthOf(station); depth-- > 0;) {
      const mail = mailAt(station, depth);
      if (this.#isForMe(mail) && this.#serve(mail, station)) served++;
    }
    return served;
  }

  #serve(mail: number, from: number): boolean {
    const i32 = this.#i32;
    const posted = Atomics.load(i32, mail + MailWord.STATE);
    const serving = posted & ~7 | MailState.SERVING;
    if ((posted & 7) !== MailState.POSTED) return false;
    // Looked at once more under this state: it may have been failed, and posted to another, since.
    if (i32[mail + MailWord.TARGET] !== this.#index) return false;
    if (Atomics.compareExchange(i32, mail + MailWord.STATE, posted, serving) !== posted) {
      return false; // failed meanwhile: this context was thought dead
    }
    const value: Halves = new Halves();
    let result: number = MemTxResult.ERROR;
    try {
      result = this.#perform(mail, value);
    } finally {
      // Whatever was thrown: the other context waits for an answer.
      i32[mail + MailWord.RESULT] = result;
      i32[mail + MailWord.LOW] = value.low;
      i32[mail + MailWord.HIGH] = value.high;
      Atomics.compareExchange(i32, mail + MailWord.STATE, serving, posted & ~7 | MailState.DONE);
      ring(i32, from);
    }
    return true;
  }

  /** Runs a request, with the devices engaged that led to it. */
  #perform(mail: number, value: Halves): number {
    const i32 = this.#i32;
    const request = readRequest(i32, mail);
    if (this.isEngaged(request.device)) return MemTxResult.ACCESS_ERROR;
    const before = this.engaged.length;
    const count = i32[mail + MailWord.ENGAGED]!;
    for (let at = 0; at < count; at++) this.engaged.push(i32[mail + MailWord.DEVICES + at]!);
    try {
      return this.#run(request, value);
    } finally {
      this.engaged.length = before;
    }
  }
}
