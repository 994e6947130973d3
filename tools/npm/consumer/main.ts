/**
 * The test that runs on Node, in a project that has installed the tarballs. tsc compiles it and
 * checks its types; it names the packages as any user does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { MemoryAccess, Topology } from "@guestmem/flatview";
import { parseMachine } from "@guestmem/flatview/machine";
import { liveViews, printFlatViews } from "@guestmem/flatview/mtree";
import { Tlb, VcpuControl, VcpuLoop } from "@guestmem/flatview/vcpu";
import { IommuReader, IotlbEntry, TableIommu } from "@guestmem/iommu";
import { MapGenerations, PhysMap, PhysMapReader } from "@guestmem/physmap";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Memslots } from "@guestmem/ramblock/memslots";
import { Arena, RcuDomain, RcuPointer, Srcu, WaitInSectionError } from "@guestmem/rcu";
import { problemsOf, runControl } from "../../../examples/portable/control.ts";
import { ask } from "../../../examples/lib/workers_node.ts";
import type { ParkedData } from "./parked_worker.ts";

const VCPU = new URL("../../../examples/portable/vcpu_node.js", import.meta.url);
const PARKED = new URL("./parked_worker.js", import.meta.url);

/** Only turns a hang into a failure. */
const timeout = 60_000;

const createDomain = () => RcuDomain.create(Arena.create({ bytes: 1 << 22 }));

test("two vCPUs read what the control context replaces", { timeout }, async () => {
  assert.deepEqual(problemsOf(await runControl((data) => ask(VCPU, data))), []);
});

test("a worker terminated inside a section is evicted", { timeout }, async () => {
  const domain = createDomain();
  const { arena } = domain;
  const pointer = RcuPointer.create(arena, arena.allocate(64));
  const { liveBlocks } = arena.stats();
  const data: ParkedData = {
    arena: arena.handle,
    domain: domain.handle,
    pointer: pointer.offset,
  };
  const worker = new Worker(PARKED, { workerData: data });
  const [token] = await once(worker, "message") as [number]; // rejects at an error of the worker
  domain.deferFree(pointer.exchange(arena.allocate(64)));
  const cookie = domain.startPoll();
  assert.equal(domain.poll(cookie), false, "it is in a section");

  await worker.terminate();
  assert.equal(domain.poll(cookie), false, "nobody has told that it is dead");
  assert.equal(arena.stats().deferredBlocks, 1);

  assert.equal((await arena.evict(token, { stopped: true })).wasAttached, true);
  await domain.synchronizeAsync();
  assert.equal(domain.poll(cookie), true, "the grace period has ended");
  await domain.barrierAsync();
  assert.equal(domain.stats().readers, 0);
  assert.deepEqual([arena.stats().deferredBlocks, arena.stats().liveBlocks], [0, liveBlocks]);
});

test("the example of a worker's death", { timeout }, async () => {
  const { outcome } = await import("../../../examples/learn/deaths/main_node.ts");
  assert.deepEqual(outcome, { members: { readers: 1, mutexes: 1 }, lock: "owner-died" });
});

test("waiting inside a section is an error that names itself", () => {
  const domain = createDomain();
  const section = domain.register().lock();
  assert.throws(() => domain.synchronize(), WaitInSectionError);
  section.unlock();
});

test("physmap finds the region of an address", () => {
  const domain = createDomain();
  const { arena } = domain;
  const edit = new PhysMap(arena, MapGenerations.create(arena), { pageBits: 12 }).edit();
  edit.map(0x1000, 0x1fff, 0, 7);
  const dispatch = RcuPointer.create(arena, edit.finish());
  const reader = new PhysMapReader(arena);
  const section = domain.register().lock();
  const row = reader.section(dispatch.dereference(section), 0x1234);
  assert.equal(reader.region(row), 7);
  section.unlock();
});

test("flatview prints its views, and reads machines", () => {
  const domain = createDomain();
  const topology = new Topology({ arena: domain.arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  system.addSubregion(0x1000, topology.initIo("uart", 8, {}));
  topology.createAddressSpace("memory", system);
  const text = printFlatViews(liveViews(topology, true)).join("\n");
  assert.match(text, /0000000000001000-0000000000001007 \(prio 0, i\/o\): uart/);
  assert.throws(() => parseMachine("no machine"));
});

test("memslots find the host address of a guest frame", () => {
  const srcu = Srcu.create(Arena.create({ bytes: 1 << 20 }));
  const slots = Memslots.create(srcu);
  const batch = slots.batch();
  batch.create({ id: 0, baseGfn: 16, pages: 256, host: 2 ** 46, flags: 0 });
  batch.commit();
  const section = srcu.register().lock();
  assert.equal(slots.gfnToHost(slots.snapshot(section), 17), 2 ** 46 + 4096);
  section.unlock();
});

test("iommu translates, and no more after the unmapping", () => {
  const domain = createDomain();
  const { arena } = domain;
  const iommu = new TableIommu({ arena, domain });
  const table = iommu.createTable();
  const nic = iommu.createRegion({ name: "nic" });
  nic.bind(0, table.id);
  table.map(0x1000, 0x1000, 0x8000_0000, 3);
  const reader = domain.register();
  const translator = new IommuReader(arena, reader, iommu.handle).translator(nic.handle);
  const entry = new IotlbEntry();
  const translate = () => {
    const section = reader.lock();
    try {
      return translator.translate(0x1010, 2, 0, entry) && entry.addressOf(0x1010);
    } finally {
      section.unlock();
    }
  };
  assert.equal(translate(), 0x8000_0010);
  table.unmap(0x1000, 0x1000);
  assert.equal(translate(), false);
});

test("a vCPU runs in its loop, and the source of its TLB is there for kernels", { timeout }, () => {
  const domain = createDomain();
  const { arena } = domain;
  const memory = GuestRam.create(domain, { bytes: 1 << 20 });
  const { id, offset } = new RamList(memory).addAnonymous({ name: "ram", length: 1 << 16 });
  const topology = new Topology({ arena, domain });
  const ram = topology.initRam("ram", 1 << 16, { blockId: id, ramAddr: offset });
  const { handle } = topology.createAddressSpace("memory", ram);
  const reader = domain.register({ flavour: "qsbr" });
  const tlb = new Tlb(new MemoryAccess({ arena, reader, memory }).attach(handle));
  const control = new VcpuControl();
  let counted = 0;
  new VcpuLoop(tlb, reader, control).run({
    run: () => {
      tlb.store32(0x1000, tlb.load32(0x1000) + 1);
      counted = tlb.load32(0x1000);
      if (counted === 3) control.stop();
      return counted === 2 ? 1 : 0; // a sleep of a millisecond
    },
    flush: () => {},
  });
  assert.deepEqual([counted, control.state], [3, "idle"]);
  const source = new URL(
    "../vcpu/assembly/virtual_tlb.as.ts",
    import.meta.resolve("@guestmem/flatview"),
  );
  assert.ok(existsSync(source));
});
