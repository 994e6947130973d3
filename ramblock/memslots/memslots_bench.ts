/** The cost of translating guest pages, and of changing the slots. */

import { Arena, Srcu } from "@guestmem/rcu";
import { kernelOf } from "../kernel/kernel.ts";
import { Memslots } from "./memslots.ts";
import { ShadowMap } from "./shadow_map.ts";

const arena = Arena.create({ bytes: 1 << 24 });
const srcu = Srcu.create(arena);
const slots = Memslots.create(srcu);
const boot = slots.batch();
for (let id = 0; id < 32; id++) {
  boot.create({ id, baseGfn: id * 0x1000, pages: 0x1000, host: 2 ** 46 + id * 2 ** 24, flags: 0 });
}
boot.commit();
const shadow = ShadowMap.create(slots);
const reader = srcu.register();
const gfns = Array.from({ length: 64 }, (_, i) => (i * 0x7ff) % 0x20000);
const byGfn = new Map(gfns.map((gfn) => [gfn, 2 ** 46 + gfn * 4096]));

let sink = 0;
const open = reader.lock();
const table = slots.snapshot(open);
Deno.bench("gfn to host, 32 slots, one snapshot (64)", { group: "gfn" }, () => {
  for (const gfn of gfns) sink += slots.gfnToHost(table, gfn);
});
open.unlock();
Deno.bench("gfn to host, a section each (64)", { group: "gfn" }, () => {
  for (const gfn of gfns) {
    const guard = reader.lock();
    sink += slots.gfnToHost(slots.snapshot(guard), gfn);
    guard.unlock();
  }
});
Deno.bench("shadow mapping, hit, one section (64)", { group: "gfn" }, () => {
  const guard = reader.lock();
  for (const gfn of gfns) sink += shadow.translate(guard, gfn, true);
  guard.unlock();
});
Deno.bench(
  "JS Map by gfn, unprotected, one worker only (64)",
  { group: "gfn", baseline: true },
  () => {
    for (const gfn of gfns) sink += byGfn.get(gfn)!;
  },
);
const mutex = new Int32Array(new SharedArrayBuffer(4));
Deno.bench("JS Map under a mutex of Atomics (64)", { group: "gfn" }, () => {
  for (const gfn of gfns) {
    while (Atomics.compareExchange(mutex, 0, 0, 1) !== 0) Atomics.wait(mutex, 0, 1);
    sink += byGfn.get(gfn)!;
    Atomics.store(mutex, 0, 0);
    Atomics.notify(mutex, 0, 1);
  }
});

Deno.bench(
  "create 1,000 slots in one batch, and delete them in another",
  { group: "batch" },
  () => {
    const batch = slots.batch();
    for (let id = 100; id < 1100; id++) {
      batch.create({ id, baseGfn: id * 0x1000, pages: 1, host: 0, flags: 0 });
    }
    batch.commit();
    const clear = slots.batch();
    for (let id = 100; id < 1100; id++) clear.delete(id);
    clear.commit();
  },
);

const kernel = kernelOf(arena.memory);
const others = Memslots.create(srcu); // with a shadow map that the batches above need not flush
const both = others.batch();
both.create({ id: 0, baseGfn: 0, pages: 4096, host: 2 ** 46, flags: 0 });
both.create({ id: 1, baseGfn: 0x40000, pages: 16, host: 2 ** 46 + 2 ** 30, flags: 0 });
both.commit();
const full = ShadowMap.create(others);
const filling = reader.lock();
for (let gfn = 0; gfn < 4096; gfn++) full.translate(filling, gfn, true);
for (let gfn = 0; gfn < 16; gfn++) full.translate(filling, 0x40000 + gfn, true);
const smallRow = others.find(others.snapshot(filling), 0x40000);
filling.unlock();
const protect = { group: "write-protect a slot of 16 pages, in a full shadow map" };
Deno.bench("by the bitmaps of shadow pages", protect, () => {
  kernel.shadowProtect(full.offset, smallRow);
});
Deno.bench("by a walk of all entries", { ...protect, baseline: true }, () => {
  sink += kernel.shadowFlush(full.offset, 0x50000, 16);
});
