/** The cost of marking and taking dirty pages. */

import { Arena, RcuDomain } from "@guestmem/rcu";
import { GuestRam } from "../blocks/guest_ram.ts";
import { RamList } from "../blocks/ram_list.ts";

const PAGES = 1 << 18;
const arena = Arena.create({ bytes: 1 << 22 });
const domain = RcuDomain.create(arena);
const ram = GuestRam.create(domain, { bytes: PAGES * 4096 });
new RamList(ram).addAnonymous({ name: "ram", length: PAGES * 4096 });
const guard = domain.register().lock();
const { dirty } = ram;
const addresses = Array.from({ length: 64 }, (_, i) => ((i * 40503) % PAGES) * 4096);

const set = new Set<number>();
Deno.bench("mark one page for one client (64)", { group: "mark" }, () => {
  for (const address of addresses) dirty.mark(guard, address, 0b100);
});
Deno.bench("mark one page for three clients (64)", { group: "mark" }, () => {
  for (const address of addresses) dirty.mark(guard, address, 0b111);
});
const words = new Int32Array(new SharedArrayBuffer(PAGES / 8));
Deno.bench("Atomics.or on a typed array (64)", { group: "mark" }, () => {
  for (const address of addresses) {
    const page = address / 4096;
    Atomics.or(words, page >>> 5, 1 << (page & 31));
  }
});
Deno.bench(
  "JS Set of pages, unprotected, one worker only (64)",
  { group: "mark", baseline: true },
  () => {
    for (const address of addresses) set.add(address / 4096);
  },
);

Deno.bench("snapshot and clear 1 GiB, 64 pages dirty", { group: "take" }, () => {
  for (const address of addresses) dirty.mark(guard, address, 0b100);
  dirty.snapshotAndClear(guard, 2, 0, PAGES * 4096);
});
Deno.bench("Atomics.exchange over as many words", { group: "take", baseline: true }, () => {
  const copy = new Int32Array(words.length);
  for (let i = 0; i < words.length; i++) copy[i] = Atomics.exchange(words, i, 0);
});
