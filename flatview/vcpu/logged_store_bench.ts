/**
 * What a vCPU's store costs on a page that is logged, for migration say, against one that is not. The
 * baseline of a user: a JavaScript `Set` of the pages that were written.
 */
import { Arena, RcuDomain } from "@guestmem/rcu";
import { MemoryAccess } from "../access/memory_access.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { Tlb } from "./tlb.ts";

const COUNT = 1 << 14;
const BYTES = 1 << 21;

const arena = Arena.create({ bytes: 1 << 20 });
const domain = RcuDomain.create(arena);
const topology = new Topology({ arena, domain });
const memory = FlatMemory.create(64);
memory.dirty.markRange = () => {};
const access = new MemoryAccess({ arena, reader: domain.register(), memory });
const system = topology.initContainer("system", 2n ** 64n);
const plain = topology.initRam("plain", BYTES, { blockId: 1, ramAddr: 0 });
const logged = topology.initRam("logged", BYTES, { blockId: 1, ramAddr: BYTES });
logged.setLog(true, 2);
system.addSubregion(0, plain);
system.addSubregion(BYTES, logged);
const space = access.attach(topology.createAddressSpace("memory", system).handle);

const offsets = Uint32Array.from(
  { length: COUNT },
  (_, i) => (Math.imul(i, 0x9e37_79b1) >>> 0) % BYTES & ~3,
);
const loggedAt = offsets.map((offset) => offset + BYTES);

const group = { group: `${COUNT} stores` };
const [one, two, three] = [new Tlb(space), new Tlb(space), new Tlb(space)];
Deno.bench("a page that is not logged", { ...group, baseline: true }, () => {
  one.lock();
  for (let i = 0; i < COUNT; i++) one.store32(offsets[i]!, i);
  one.unlock();
});
Deno.bench("a logged page, marked in this log epoch", group, () => {
  two.lock();
  for (let i = 0; i < COUNT; i++) two.store32(loggedAt[i]!, i);
  two.unlock();
});
Deno.bench("a logged page, all 512 marked anew each time", group, () => {
  memory.dirty.epoch++;
  three.lock();
  for (let i = 0; i < COUNT; i++) three.store32(loggedAt[i]!, i);
  three.unlock();
});
const four = new Tlb(space);
const written = new Set<number>();
Deno.bench("a page that is not logged, and a Set of pages", group, () => {
  four.lock();
  for (let i = 0; i < COUNT; i++) {
    four.store32(offsets[i]!, i);
    written.add(offsets[i]! >>> 12);
  }
  four.unlock();
});
