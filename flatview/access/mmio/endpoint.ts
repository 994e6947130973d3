import { BlockingForbiddenError, EvictedError } from "@guestmem/rcu";
import {
  canBlock,
  instantiateKernel,
  type Kernel,
  refuseInAnySection,
  waitAsync,
  waitOutside,
} from "@guestmem/rcu/internal";
import { FlatViewError } from "../../errors/flat_view_error.ts";
import type { AccessMemory } from "../device/access_memory.ts";
import { type EngagedDevices, MAX_ENGAGED } from "../device/engaged_devices.ts";
import type { Halves } from "../device/halves.ts";
import { MemTxResult } from "../device/mem_tx_result.ts";
import { AdaptiveSpin } from "./adaptive_spin.ts";
import {
  callersIndex,
  CHANNEL,
  DEPARTED,
  ENDPOINT,
  endpointAt,
  isOpen,
  loadState,
  loadToken,
  MAX_DEPTH,
  SLOT,
  slotAt,
  SlotState,
  STATE_MASK,
  VACANT,
} from "./channel_structs.ts";
import { depart, ring } from "./departure.ts";
import type { EndpointTiming } from "./endpoint_timing.ts";
import type { MmioChannel } from "./mmio_channel.ts";
import { type MmioRequest, writeRequest } from "./mmio_request.ts";
import { type PerformRequest, RequestServer } from "./request_server.ts";

/** How often a waiting context checks whether it was evicted itself. */
const RECHECK_MS = 1000;
/** An exit that is not answered for so long is reported. */
const STALL_MS = 5000;
/** Longest time that a listener keeps its event loop from turning, in milliseconds. */
const LONGEST_TURN_MS = 1;

/**
 * One context's endpoint of an MMIO channel: it posts requests and waits for them, and serves those
 * of other contexts. What keeps contexts that wait for one another from a deadlock is said at
 * {@linkcode RequestServer}.
 */
export class MmioEndpoint {
  /** Serves the requests to this context. */
  readonly server: RequestServer;
  readonly #memory: AccessMemory;
  readonly #i32: Int32Array;
  readonly #kernel: Kernel;
  readonly #engaged: EngagedDevices;
  readonly #channel: number;
  readonly #endpoints: number;
  readonly #index: number;
  readonly #endpoint: number;
  /** Index of a context's endpoint when it was last found; checked at each use. */
  readonly #known = new Map<number, number>();
  readonly #timing: EndpointTiming;
  /** The spins of a wait for an answer, and of one for a request. */
  readonly #spins: { readonly answer: AdaptiveSpin; readonly request: AdaptiveSpin };
  #depth = 0;

  /**
   * Claims an endpoint.
   *
   * @param engaged The devices whose callbacks led to what this context does.
   * @throws {FlatViewError} `MMIO_CHANNEL_FULL` if all endpoints are taken.
   */
  constructor(
    channel: MmioChannel,
    engaged: EngagedDevices,
    perform: PerformRequest,
    timing: EndpointTiming,
  ) {
    const { clock, processors } = timing;
    this.#timing = timing;
    this.#spins = {
      answer: new AdaptiveSpin(clock, processors),
      request: new AdaptiveSpin(clock, processors),
    };
    const { arena, handle } = channel;
    this.#memory = arena;
    this.#i32 = arena.i32;
    this.#kernel = instantiateKernel(arena.memory);
    this.#engaged = engaged;
    this.#channel = handle.offset;
    this.#endpoints = CHANNEL.endpoints.get(arena.u32, handle.offset);
    this.#index = this.#claim();
    this.#endpoint = endpointAt(handle.offset, this.#index);
    this.server = new RequestServer(arena, handle.offset, this.#index, engaged, perform);
  }

  /**
   * Has the context with a token perform an access, and waits for it.
   *
   * @param value Receives what was read.
   * @returns The `MemTxResult`, or `RETRY` if the map changed before the request was served.
   * @throws {WaitInSectionError} Inside a section; nothing was posted.
   * @throws {BlockingForbiddenError} Where blocking is forbidden; nothing was posted.
   * @throws {EvictedError} If this context was evicted while it waited.
   */
  call(context: number, request: MmioRequest, value: Halves): number {
    const action = "wait for a device in another context";
    refuseInAnySection(action);
    if (!canBlock()) throw new BlockingForbiddenError({ action });
    const target = this.#find(context);
    if (target < 0) return MemTxResult.ERROR;
    if (this.#depth === MAX_DEPTH || this.#engaged.depth >= MAX_ENGAGED) {
      return MemTxResult.ACCESS_ERROR;
    }
    const slot = slotAt(this.#endpoint, this.#depth);
    const start = this.#timing.clock();
    const number = this.#post(slot, target, context, request);
    try {
      this.#await(slot, request.region, context, start, action);
      return this.#result(slot, value);
    } finally {
      this.#retire(slot, number);
    }
  }

  /**
   * Blocks until there are requests, and serves them.
   *
   * @param milliseconds Longest wait.
   * @returns How many requests were served; 0 on a time-out, or if the doorbell rang without one.
   * @throws {WaitInSectionError} Inside a section.
   */
  serve(milliseconds: number): number {
    const action = "wait for MMIO requests";
    refuseInAnySection(action);
    const seen = this.#rings();
    const served = this.server.poll();
    if (served > 0) return served;
    const { request } = this.#spins;
    const start = this.#timing.clock();
    // Outside every section from the start: a server whose spins succeed would not go offline otherwise.
    const slept = waitOutside(action, () => {
      if (this.#spinFor(request, seen, start)) return false;
      this.#sleep(seen, milliseconds);
      return true;
    });
    request.learn(start, slept);
    return this.server.poll();
  }

  /** Serves requests from this context's event loop, and keeps the process alive, until aborted. */
  async listen(signal: AbortSignal): Promise<void> {
    const { clock } = this.#timing;
    const { request } = this.#spins;
    const doorbell = ENDPOINT.doorbell.index(this.#endpoint);
    let turn = clock();
    while (!signal.aborted) {
      const seen = this.#rings();
      this.server.poll();
      const start = clock();
      if (start - turn > LONGEST_TURN_MS) {
        // For no time: it lets idle readers rest, so that no grace period waits for a busy server.
        await waitAsync(this.#i32, doorbell, seen, 0, signal);
        await nextTurn();
        turn = clock();
        continue;
      }
      const slept = !this.#spinFor(request, seen, start);
      if (slept) {
        await waitAsync(this.#i32, doorbell, seen, RECHECK_MS, signal);
        turn = clock();
      }
      request.learn(start, slept);
    }
  }

  /** Leaves the channel: outstanding requests to this context fail. */
  leave(): void {
    depart(this.#i32, this.#channel, this.#memory.token);
  }

  #claim(): number {
    const i32 = this.#i32;
    for (let index = 0; index < this.#endpoints; index++) {
      const endpoint = endpointAt(this.#channel, index);
      const at = ENDPOINT.token.index(endpoint);
      const token = Atomics.load(i32, at);
      if (token !== VACANT && token !== DEPARTED || this.#hasOpenRequests(endpoint)) continue;
      if (Atomics.compareExchange(i32, at, token, this.#memory.token) === token) {
        Atomics.store(i32, ENDPOINT.depth.index(endpoint), 0);
        return index;
      }
    }
    throw new FlatViewError("MMIO_CHANNEL_FULL", { contexts: this.#endpoints });
  }

  /** Whether a request of an endpoint's former context is still outstanding. */
  #hasOpenRequests(endpoint: number): boolean {
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      if (isOpen(loadState(this.#i32, slotAt(endpoint, depth)))) return true;
    }
    return false;
  }

  /** Index of a context's endpoint, or -1. Tokens are never reused. */
  #find(context: number): number {
    const known = this.#known.get(context) ?? 0;
    for (let step = 0; step < this.#endpoints; step++) {
      const index = (known + step) % this.#endpoints;
      if (loadToken(this.#i32, endpointAt(this.#channel, index)) !== context) continue;
      if (step > 0) this.#known.set(context, index);
      return index;
    }
    this.#known.delete(context);
    return -1;
  }

  /** Posts a request; it fails at once if the target is gone by then. @returns Its number times 8. */
  #post(slot: number, target: number, context: number, request: MmioRequest): number {
    const i32 = this.#i32;
    const { u32 } = this.#memory;
    const state = SLOT.state.index(slot);
    const number = (Atomics.load(i32, state) & ~STATE_MASK) + STATE_MASK + 1 | 0;
    writeRequest(this.#memory, slot, request);
    SLOT.target.set(i32, slot, target);
    const engaged = this.#engaged;
    SLOT.engagedCount.set(u32, slot, engaged.depth);
    for (let at = 0; at < engaged.depth; at++) SLOT.engaged.set(u32, slot, at, engaged.at(at));
    this.#depth++;
    Atomics.store(i32, ENDPOINT.depth.index(this.#endpoint), this.#depth);
    Atomics.store(i32, state, number | SlotState.POSTED);
    const endpoint = endpointAt(this.#channel, target);
    // Posted first, checked second: see `depart`.
    if (loadToken(i32, endpoint) !== context) {
      Atomics.compareExchange(i32, state, number | SlotState.POSTED, number | SlotState.GONE);
    } else {
      const callers = callersIndex(endpoint, this.#index >>> 5);
      Atomics.or(i32, callers, 1 << (this.#index & 31));
      ring(i32, endpoint);
    }
    return number;
  }

  /** Waits until a request is answered; serves what would otherwise deadlock. */
  #await(slot: number, region: number, context: number, start: number, action: string): void {
    const { clock, onStall } = this.#timing;
    const { answer } = this.#spins;
    let isReported = false;
    let slept = false;
    for (;;) {
      const seen = this.#rings();
      if (!isOpen(loadState(this.#i32, slot))) break;
      if (this.server.serveRing() || this.#spinFor(answer, seen, start)) continue;
      waitOutside(action, () => this.#sleep(seen, RECHECK_MS));
      slept = true;
      const { token } = this.#memory;
      if (loadToken(this.#i32, this.#endpoint) !== token) throw new EvictedError({ token });
      const elapsedMs = clock() - start;
      if (isReported || elapsedMs < STALL_MS || !isOpen(loadState(this.#i32, slot))) continue;
      isReported = true;
      onStall({ region, context, elapsedMs });
    }
    answer.learn(start, slept);
  }

  /** Spins until this context's doorbell rings; false if it is time to sleep. */
  #spinFor(spin: AdaptiveSpin, seen: number, start: number): boolean {
    return spin.until(this.#i32, ENDPOINT.doorbell.index(this.#endpoint), seen, start);
  }

  #result(slot: number, value: Halves): number {
    const { u32 } = this.#memory;
    if ((loadState(this.#i32, slot) & STATE_MASK) === SlotState.GONE) {
      value.set(0, 0);
      return MemTxResult.ERROR;
    }
    value.set(SLOT.value.low(u32, slot), SLOT.value.high(u32, slot));
    return SLOT.result.get(u32, slot);
  }

  /** Frees the slot of a request that is over. */
  #retire(slot: number, number: number): void {
    const i32 = this.#i32;
    this.#depth--;
    // The endpoint of a context that was evicted may have a new owner: the token says so for the
    // depth, and for the slot the number distinguishes this context's request from a newer one.
    if (loadToken(this.#i32, this.#endpoint) === this.#memory.token) {
      Atomics.store(i32, ENDPOINT.depth.index(this.#endpoint), this.#depth);
    }
    const state = loadState(this.#i32, slot);
    if ((state & ~STATE_MASK) === number) {
      Atomics.compareExchange(i32, SLOT.state.index(slot), state, number | SlotState.IDLE);
    }
  }

  #sleep(seen: number, milliseconds: number): void {
    this.#kernel.wait32(ENDPOINT.doorbell.at(this.#endpoint), seen, milliseconds);
  }

  /** How often this context's doorbell rang. */
  #rings(): number {
    return Atomics.load(this.#i32, ENDPOINT.doorbell.index(this.#endpoint));
  }
}

/** Resolves in the next turn of the event loop. */
function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
