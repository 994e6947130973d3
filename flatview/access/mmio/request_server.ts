import type { SharedMemory } from "@guestmem/rcu";
import type { EngagedDevices } from "../device/engaged_devices.ts";
import { Halves } from "../device/halves.ts";
import { MemTxResult } from "../device/mem_tx_result.ts";
import {
  callersIndex,
  CHANNEL,
  ENDPOINT,
  endpointAt,
  isOpen,
  loadState,
  SLOT,
  slotAt,
  SlotState,
  STATE_MASK,
} from "./channel_structs.ts";
import { ring } from "./departure.ts";
import { type MmioRequest, readRequest } from "./mmio_request.ts";

/**
 * Performs a request in the context that owns the device. Returns the result, and leaves what was
 * read in `value`.
 */
export type PerformRequest = (request: MmioRequest, value: Halves) => number;

/**
 * Serves the requests to one endpoint.
 *
 * **No deadlock.** A context that waits serves nobody, because the callback that led to its request
 * is still running. But if the context that it waits for waits in turn, directly or through others,
 * for this one, neither would go on. So a waiter that finds itself in such a ring serves the request
 * that closes the ring: as a nested callback if the requested device has none running here, else by
 * refusing it. Both are what QEMU does in one thread: a device may lead to another that leads to a
 * third of the same context, and a guarded one that is entered again while its callback runs is
 * refused.
 *
 * Whoever posts the last request of a ring rings its target's doorbell after posting, and the target
 * looks for rings after each ringing: so the last context to be woken sees the whole ring.
 */
export class RequestServer {
  readonly #memory: SharedMemory;
  readonly #i32: Int32Array;
  readonly #engaged: EngagedDevices;
  readonly #channel: number;
  readonly #endpoints: number;
  readonly #index: number;
  readonly #endpoint: number;
  readonly #perform: PerformRequest;

  /**
   * Serves an endpoint that this context has claimed.
   *
   * @param channel Offset of the channel. @param index The endpoint's index.
   * @param engaged The devices whose callbacks led to what this context does.
   */
  constructor(
    memory: SharedMemory,
    channel: number,
    index: number,
    engaged: EngagedDevices,
    perform: PerformRequest,
  ) {
    this.#memory = memory;
    this.#i32 = memory.i32;
    this.#engaged = engaged;
    this.#channel = channel;
    this.#endpoints = CHANNEL.endpoints.get(memory.u32, channel);
    this.#index = index;
    this.#endpoint = endpointAt(channel, index);
    this.#perform = perform;
  }

  /** How many endpoints may have posted something that is not served yet. */
  get pending(): number {
    let count = 0;
    for (let word = 0; word * 32 < this.#endpoints; word++) {
      let bits = Atomics.load(this.#i32, callersIndex(this.#endpoint, word));
      for (; bits !== 0; bits &= bits - 1) count++;
    }
    return count;
  }

  /** Serves the requests that wait. Never waits. @returns How many were served. */
  poll(): number {
    let served = 0;
    for (let word = 0; word * 32 < this.#endpoints; word++) {
      const at = callersIndex(this.#endpoint, word);
      for (let bits = Atomics.load(this.#i32, at); bits !== 0; bits = Atomics.load(this.#i32, at)) {
        const bit = 31 - Math.clz32(bits);
        // The bit is cleared before the slots are read: a request that is posted later sets it again.
        Atomics.and(this.#i32, at, ~(1 << bit));
        served += this.#serveFrom(word * 32 + bit);
      }
    }
    return served;
  }

  /** Serves requests that close a ring of waiting contexts with this one; whether there were any. */
  serveRing(): boolean {
    let served = false;
    let index = this.#index;
    for (let step = 0; step < this.#endpoints; step++) {
      index = this.#waitsFor(index);
      if (index < 0 || index === this.#index) break;
      if (this.#asks(index)) served = this.#serveFrom(index) > 0 || served;
    }
    return served;
  }

  /** Index of the endpoint that an endpoint's context waits for, or -1. */
  #waitsFor(index: number): number {
    const endpoint = endpointAt(this.#channel, index);
    const depth = this.#depthOf(endpoint);
    if (depth === 0) return -1;
    const slot = slotAt(endpoint, depth - 1);
    return isOpen(loadState(this.#i32, slot)) ? SLOT.target.get(this.#i32, slot) : -1;
  }

  /** Whether an endpoint has a request to this one that is not being served yet. */
  #asks(index: number): boolean {
    const endpoint = endpointAt(this.#channel, index);
    for (let depth = this.#depthOf(endpoint); depth-- > 0;) {
      if (this.#isForMe(slotAt(endpoint, depth))) return true;
    }
    return false;
  }

  #isForMe(slot: number): boolean {
    return (loadState(this.#i32, slot) & STATE_MASK) === SlotState.POSTED &&
      SLOT.target.get(this.#i32, slot) === this.#index;
  }

  #serveFrom(index: number): number {
    const endpoint = endpointAt(this.#channel, index);
    let served = 0;
    for (let depth = this.#depthOf(endpoint); depth-- > 0;) {
      const slot = slotAt(endpoint, depth);
      if (this.#isForMe(slot) && this.#serveSlot(slot, endpoint)) served++;
    }
    return served;
  }

  #serveSlot(slot: number, from: number): boolean {
    const i32 = this.#i32;
    const { u32 } = this.#memory;
    const state = SLOT.state.index(slot);
    const posted = loadState(i32, slot);
    const number = posted & ~STATE_MASK;
    const serving = number | SlotState.SERVING;
    if ((posted & STATE_MASK) !== SlotState.POSTED) return false;
    // Checked again under this state: the request may have failed, and the slot been posted to another.
    if (SLOT.target.get(i32, slot) !== this.#index) return false;
    // It fails if this context was thought dead.
    if (Atomics.compareExchange(i32, state, posted, serving) !== posted) return false;
    const value = new Halves();
    let result: number = MemTxResult.ERROR;
    try {
      result = this.#performIn(slot, value);
    } finally {
      // Even if something was thrown: the other context waits for an answer.
      SLOT.result.set(u32, slot, result);
      SLOT.value.setHalves(u32, slot, value.low, value.high);
      Atomics.compareExchange(i32, state, serving, number | SlotState.DONE);
      ring(i32, from);
    }
    return true;
  }

  /** Performs a request with the devices engaged that led to it. */
  #performIn(slot: number, value: Halves): number {
    const { u32 } = this.#memory;
    const engaged = this.#engaged;
    const request = readRequest(this.#memory, slot);
    if (request.isGuarded && engaged.has(request.device)) return MemTxResult.ACCESS_ERROR;
    const { depth } = engaged;
    const count = SLOT.engagedCount.get(u32, slot);
    for (let at = 0; at < count; at++) engaged.engage(SLOT.engaged.get(u32, slot, at));
    try {
      return this.#perform(request, value);
    } finally {
      engaged.releaseTo(depth);
    }
  }

  #depthOf(endpoint: number): number {
    return Atomics.load(this.#i32, ENDPOINT.depth.index(endpoint));
  }
}
