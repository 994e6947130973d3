/**
 * Structs of an MMIO channel: a header, then an endpoint for each context, with a slot for each
 * request that the context can have outstanding at once. One slot would do but for devices: a
 * context that waits may have to serve a request that its own has led to, and that one may lead to
 * another.
 *
 * ```text
 * +0     CHANNEL
 * +64    endpoint 0: ENDPOINT, then MAX_DEPTH times SLOT
 *        endpoint 1 ...
 * ```
 *
 * A slot belongs to its endpoint; the context that serves it writes the result and the state. The
 * request is written before the state says POSTED and read after it, the result before it says DONE:
 * the state changes by seq-cst accesses, so plain accesses do for the rest.
 */

import { aligned, array, CACHE_LINE, defineLayout } from "@guestmem/rcu/layout";
import { MAX_ENGAGED } from "../device/engaged_devices.ts";

/** Head of a channel. The first two words are the arena's. */
export const CHANNEL = defineLayout({
  /** The next member of the arena. */
  link: aligned(CACHE_LINE, "u32"),
  /** {@linkcode CHANNEL_TYPE}. */
  type: "u32",
  /** How many endpoints there are. */
  endpoints: "u32",
});

/** Distinguishes a channel from other members of the arena. */
export const CHANNEL_TYPE = 0x4d4d494f;

/** An endpoint. Its slots follow. */
export const ENDPOINT = defineLayout({
  /**
   * Token of the context, {@linkcode VACANT} or {@linkcode DEPARTED}. The context claims the endpoint
   * by compare-and-exchange and marks it when it leaves; whoever evicts the context marks it too.
   */
  token: aligned(CACHE_LINE, "i32"),
  /** The word that the context waits on: incremented and notified when there may be work for it. */
  doorbell: "i32",
  /** How many requests of the context are outstanding. Written by the context alone. */
  depth: "i32",
  /** A bit for each endpoint that may have posted a request to this one. */
  callers: array("i32", 4),
});

/** Token of an endpoint that no context has claimed. */
export const VACANT = 0;
/** Token of an endpoint whose context is gone. */
export const DEPARTED = -1;

/** Most endpoints of a channel: the bits of `callers`. */
export const MAX_ENDPOINTS: number = 32 * ENDPOINT.callers.length;
/** Requests that a context can have outstanding. */
export const MAX_DEPTH = 8;

/** A request on its way, and its result. */
export const SLOT = defineLayout({
  /** The request's number times 8, plus a {@linkcode SlotState}. */
  state: aligned(CACHE_LINE, "i32"),
  /** Index of the endpoint that is to serve it. */
  target: "i32",
  /** Id of the region. */
  region: "u32",
  /** Number of the device. */
  device: "u32",
  /** Offset of the address space's cell, by which the server looks the address up again. */
  cell: "u32",
  /** Offset of the cell of the region table. */
  regions: "u32",
  /** Random number of the topology. */
  topology: "u32",
  /** Size of the access in bytes. */
  bytes: "u32",
  /** Address in the address space. */
  address: "u64",
  /** Offset in the region. */
  offset: "u64",
  /** The value to write, or the value read. */
  value: "u64",
  /** See {@linkcode SlotFlag}. */
  flags: "u32",
  /** The requester's id, if the flags say that there is one. */
  requester: "u32",
  /** The `MemTxResult`, or `RETRY`. */
  result: "u32",
  /** How many devices have a callback running that led to this request. */
  engagedCount: "u32",
  /** Those devices. */
  engaged: array("u32", MAX_ENGAGED),
});

/** State of a slot, in the low three bits of its state word. */
export const SlotState = {
  /** Free. */
  IDLE: 0,
  /** The request waits to be served. */
  POSTED: 1,
  /** It is being served. */
  SERVING: 2,
  /** The result is there. */
  DONE: 3,
  /** The context that was to serve it is gone. */
  GONE: 4,
} as const;

/** The bits of a slot's state word that hold the {@linkcode SlotState}. */
export const STATE_MASK = 7;

/** Bits of a slot's flags. */
export const SlotFlag = {
  /** A write. */
  WRITE: 1,
  /** The access is big-endian. */
  BIG_ENDIAN: 2,
  /** There is a requester's id. */
  HAS_REQUESTER: 4,
  /** The attribute `secure`. */
  SECURE: 8,
  /** The attribute `user`. */
  USER: 16,
  /** The device is not entered again while it is engaged. */
  GUARDED: 32,
} as const;

const ENDPOINT_BYTES = ENDPOINT.size + MAX_DEPTH * SLOT.size;

/** Bytes of a channel. */
export function channelBytes(endpoints: number): number {
  return CHANNEL.size + endpoints * ENDPOINT_BYTES;
}

/** Address of an endpoint. */
export function endpointAt(channel: number, index: number): number {
  return channel + CHANNEL.size + index * ENDPOINT_BYTES;
}

/** Address of a slot of an endpoint. */
export function slotAt(endpoint: number, depth: number): number {
  return endpoint + ENDPOINT.size + depth * SLOT.size;
}

/** Loads a slot's state word. */
export function loadState(i32: Int32Array, slot: number): number {
  return Atomics.load(i32, SLOT.state.index(slot));
}

/** Loads the token of an endpoint. */
export function loadToken(i32: Int32Array, endpoint: number): number {
  return Atomics.load(i32, ENDPOINT.token.index(endpoint));
}

/** Index of a word of an endpoint's `callers`. */
export function callersIndex(endpoint: number, word: number): number {
  return ENDPOINT.callers.at(endpoint, word) >>> 2;
}

/** Whether a slot's state word stands for a request that is not answered yet. */
export function isOpen(word: number): boolean {
  const state = word & STATE_MASK;
  return state === SlotState.POSTED || state === SlotState.SERVING;
}
