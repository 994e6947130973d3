/**
 * Allocation and freeing, against what a user could have picked instead.
 *
 *     deno task bench rcu/arena
 */

import { TestWorkers } from "#tools/testing/workers.ts";
import { RcuDomain } from "../domain/rcu_domain.ts";
import { Mutex } from "../sync/mutex.ts";
import { Arena } from "./arena.ts";
import type { Setup } from "./arena_test_worker.ts";

const arena = Arena.create({ bytes: 64 << 20 });
const debug = Arena.create({ bytes: 64 << 20, debug: true });

/** The baseline in shared memory: a free list of blocks of one size, under a mutex. */
class FreeList {
  #mutex = Mutex.create(arena);
  #free: number[] = [];

  constructor(readonly bytes: number) {
    for (let count = 0; count < 64; count++) this.#free.push(arena.allocate(bytes));
  }

  allocate(): number {
    this.#mutex.lock();
    const block = this.#free.pop()!;
    this.#mutex.unlock();
    arena.u32.fill(0, block / 4, (block + this.bytes) / 4);
    return block;
  }

  free(block: number): void {
    this.#mutex.lock();
    this.#free.push(block);
    this.#mutex.unlock();
  }
}

// Neighbours that stay live, so that slabs are neither full nor empty.
const neighbours: number[] = [];
for (let count = 0; count < 20_000; count++) {
  neighbours.push(arena.allocate(16 + (count * 40) % 500));
}
for (let index = 0; index < neighbours.length; index += 2) arena.free(neighbours[index]!);

let sink: Uint8Array | undefined;
for (const bytes of [64, 2048, 4096]) {
  const list = new FreeList(bytes);
  const group = `allocate and free ${bytes} bytes`;
  Deno.bench("Arena", { group }, () => arena.free(arena.allocate(bytes)));
  Deno.bench("Arena, debug mode", { group }, () => debug.free(debug.allocate(bytes)));
  Deno.bench("new Uint8Array (not shared)", { group, baseline: true }, () => {
    sink = new Uint8Array(bytes);
  });
  Deno.bench("new SharedArrayBuffer", { group }, () => {
    sink = new Uint8Array(new SharedArrayBuffer(bytes));
  });
  Deno.bench("free list of one size under a Mutex", { group }, () => list.free(list.allocate()));
}

// What else a block may go through, each against the shortest way.
const other = Arena.attach(arena.handle);
const domain = RcuDomain.create(arena);
const empty = Arena.create({ bytes: 64 << 20 });
const ways = "64 bytes";
Deno.bench("freed where allocated", { group: ways, baseline: true }, () => {
  arena.free(arena.allocate(64));
});
Deno.bench("freed by another context", { group: ways }, () => other.free(arena.allocate(64)));
Deno.bench("deferred", { group: ways }, () => domain.deferFree(arena.allocate(64)));
Deno.bench("the only block of its size", { group: ways }, () => empty.free(empty.allocate(64)));

// The same amount of work by one worker and by two.
const workers = new TestWorkers();
const spawn = (label: string) =>
  workers.spawn<Setup>(import.meta.resolve("./arena_test_worker.ts"), {
    arena: arena.handle,
    label,
  });
const [first, second] = [spawn("first"), spawn("second")];
await Promise.all([first.call("token"), second.call("token")]);
const group = "200,000 blocks of 64 bytes each";
Deno.bench("one worker", { group, baseline: true }, async () => {
  await first.call("pairs", 200_000, 64);
});
Deno.bench("two workers at once", { group }, async () => {
  await Promise.all([first.call("pairs", 200_000, 64), second.call("pairs", 200_000, 64)]);
});
globalThis.addEventListener("unload", () => void sink);
