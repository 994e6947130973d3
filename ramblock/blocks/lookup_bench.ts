/**
 * The cost of a lookup by the MRU word and by the list, against what a user could do instead. For
 * figures to compare, run each group in its own process: `deno task bench ramblock`.
 */

import { Arena, RcuDomain } from "@guestmem/rcu";
import { GuestRam } from "./guest_ram.ts";
import { RamList } from "./ram_list.ts";

const BLOCKS = 16;
const LENGTH = 64 * 4096;

const arena = Arena.create({ bytes: 1 << 20 });
const domain = RcuDomain.create(arena);
const ram = GuestRam.create(domain, { bytes: 2 * BLOCKS * LENGTH });
const blocks = new RamList(ram);
for (let i = 0; i < BLOCKS; i++) blocks.addAnonymous({ name: `block ${i}`, length: LENGTH });
const reader = domain.register();
const known = blocks.blocks();

const near = 5 * LENGTH + 100;
/** Each lookup goes to another block than the one before, so the MRU word never helps. */
const far = Array.from({ length: 64 }, (_, i) => ((i * 7) % BLOCKS) * LENGTH + i);

const byPage = new Map<number, { offset: number; length: number }>();
for (const { offset, maxLength } of known) {
  for (let page = offset; page < offset + maxLength; page += 4096) {
    byPage.set(page / 4096, { offset, length: maxLength });
  }
}
const mutex = new Int32Array(new SharedArrayBuffer(4));
function lock(): void {
  while (Atomics.compareExchange(mutex, 0, 0, 1) !== 0) Atomics.wait(mutex, 0, 1);
}
function unlock(): void {
  Atomics.store(mutex, 0, 0);
  Atomics.notify(mutex, 0, 1);
}

let sink = 0;
/** 64 lookups, so that the harness's own cost does not count. */
function times(body: (i: number) => number): () => void {
  return () => {
    for (let i = 0; i < 64; i++) sink += body(i);
  };
}

const open = reader.lock();
Deno.bench(
  "block by ram_addr_t, MRU hit, section open (64)",
  { group: "lookup" }, //
  times(() => ram.find(open, near)),
);
open.unlock();

Deno.bench(
  "block by ram_addr_t, MRU hit, a section each (64)",
  { group: "lookup" },
  times(() => {
    const guard = reader.lock();
    const block = ram.find(guard, near);
    guard.unlock();
    return block;
  }),
);

Deno.bench(
  "block by ram_addr_t, 16 blocks in turn, a section each (64)",
  { group: "lookup" },
  times((i) => {
    const guard = reader.lock();
    const block = ram.find(guard, far[i]!);
    guard.unlock();
    return block;
  }),
);

Deno.bench(
  "JS Map by page, unprotected, one worker only (64)",
  { group: "lookup", baseline: true }, //
  times((i) => byPage.get(Math.floor(far[i]! / 4096))!.offset),
);

Deno.bench(
  "JS Map under a mutex of Atomics (64)",
  { group: "lookup" },
  times((i) => {
    lock();
    const { offset } = byPage.get(Math.floor(far[i]! / 4096))!;
    unlock();
    return offset;
  }),
);

let serial = 0;
Deno.bench("add and remove a block of one page, reclaim included", { group: "change" }, () => {
  const { id } = blocks.addAnonymous({ name: `more ${serial++}`, length: 4096 });
  blocks.remove(id);
  domain.barrier();
});
Deno.bench("a grace period alone", { group: "change", baseline: true }, () => domain.synchronize());
