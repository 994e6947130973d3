import {
  CHANNEL,
  DEPARTED,
  ENDPOINT,
  endpointAt,
  isOpen,
  MAX_DEPTH,
  SLOT,
  slotAt,
  SlotState,
  STATE_MASK,
} from "./channel_structs.ts";

/**
 * Marks a context as gone and fails the requests to it.
 *
 * No request is missed: the token is replaced first, and a poster checks it after it has posted. If
 * its check comes before the replacement, its request was posted before that too, and is found here.
 *
 * @param i32 The arena's words. @param channel Offset of the channel. @param token The context's.
 */
export function depart(i32: Int32Array, channel: number, token: number): void {
  const endpoints = i32[CHANNEL.endpoints.index(channel)]!;
  for (let target = 0; target < endpoints; target++) {
    const endpoint = endpointAt(channel, target);
    const word = ENDPOINT.token.index(endpoint);
    const before = Atomics.compareExchange(i32, word, token, DEPARTED);
    // Whoever has replaced the token may have died before it came to the requests.
    if (before !== token && before !== DEPARTED) continue;
    for (let from = 0; from < endpoints; from++) {
      failRequests(i32, endpointAt(channel, from), target);
    }
    ring(i32, endpoint); // a context that was only expelled, and waits, learns of it
  }
}

/** Fails the requests of one endpoint to another. */
function failRequests(i32: Int32Array, from: number, target: number): void {
  let failed = 0;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const slot = slotAt(from, depth);
    const at = SLOT.state.index(slot);
    const word = Atomics.load(i32, at);
    if (!isOpen(word) || SLOT.target.get(i32, slot) !== target) continue;
    const gone = word & ~STATE_MASK | SlotState.GONE;
    // A context that was only expelled may complete the request at the same time.
    if (Atomics.compareExchange(i32, at, word, gone) === word) failed++;
  }
  if (failed > 0) ring(i32, from);
}

/** Rings the doorbell of an endpoint: wakes its context. */
export function ring(i32: Int32Array, endpoint: number): void {
  const doorbell = ENDPOINT.doorbell.index(endpoint);
  Atomics.add(i32, doorbell, 1);
  Atomics.notify(i32, doorbell);
}
