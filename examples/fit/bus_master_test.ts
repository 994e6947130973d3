/** Devices that master the bus, each in a worker, through their address spaces and IOMMUs. */
import { rounds, spinUntil } from "#tools/testing/until.ts";
import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { MemTxResult, Topology } from "@guestmem/flatview";
import { BusMaster, TableIommu } from "@guestmem/iommu";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals, assertNotEquals } from "@std/assert";
import type { DeviceData, Setup } from "./bus_master_test_worker.ts";

const WORKER = import.meta.resolve("./bus_master_test_worker.ts");
const { OK, DECODE_ERROR } = MemTxResult;
const PAGE = 4096;
/** RAM is at 1 MiB of system memory, so that nothing works by chance. */
const RAM_AT = 1 << 20;
const RAM_PAGES = 64;
const POISON = 0xee;

/** A machine with RAM, an IOMMU, and devices that master the bus. */
function createMachine() {
  const arena = Arena.create({ bytes: 4 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const length = RAM_PAGES * PAGE;
  const guestRam = GuestRam.create(domain, { bytes: length });
  const { id } = new RamList(guestRam).addAnonymous({ name: "ram", length });
  const system = topology.initContainer("system", 2n ** 64n);
  const ram = topology.initRam("ram", length, { blockId: id, ramAddr: 0 });
  system.addSubregion(RAM_AT, ram);
  const memory = topology.createAddressSpace("memory", system);
  const iommu = new TableIommu({ arena, domain });
  const bytes = new Uint8Array(guestRam.handle.windows[0]!.buffer, 0, length).fill(POISON);
  const control = new Int32Array(new SharedArrayBuffer(12));
  const createDevice = (name: string, target = 0) => {
    const table = iommu.createTable({ target });
    const region = iommu.createRegion({ name: `${name}-iommu`, targetRoot: system });
    region.bind(0, table.id);
    const master = new BusMaster({ topology, domain, system, name, iommu: region });
    return { table, region, master };
  };
  type Device = ReturnType<typeof createDevice>;
  /** Starts the worker of the first device; it knows all devices of a chain. */
  const spawn = (workers: TestWorkers, ...devices: Device[]) => {
    const data: DeviceData = {
      arena: arena.handle,
      domain: domain.handle,
      ram: guestRam.handle,
      space: devices[0]!.master.space.handle,
      targets: [memory.handle, ...devices.map(({ master }) => master.space.handle)],
      iommus: new Map(devices.map(({ master, region }) => [master.region.id, region.handle])),
      control: control.buffer as SharedArrayBuffer,
    };
    return workers.spawn<Setup>(WORKER, data);
  };
  /** How many bytes of a page of RAM are not poison. */
  const written = (page: number) =>
    bytes.subarray(page * PAGE, (page + 1) * PAGE).filter((byte) => byte !== POISON).length;
  const poison = (page: number) => void bytes.fill(POISON, page * PAGE, (page + 1) * PAGE);
  return { topology, arena, domain, iommu, memory, control, createDevice, spawn, written, poison };
}

Deno.test("devices whose IOMMU is off share the FlatView of system memory", () => {
  const { memory, createDevice } = createMachine();
  const [first, second] = [createDevice("nic").master, createDevice("disk").master];
  assertEquals(first.space.view, second.space.view, "both see nothing: the empty view");
  assertNotEquals(first.space.view, memory.view);
  first.setEnabled(true);
  second.setEnabled(true);
  assertEquals([first.enabled, first.translating], [true, false]);
  assertEquals([first.space.view, second.space.view], [memory.view, memory.view]);
  first.setTranslating(true);
  assertNotEquals(first.space.view, memory.view);
  assertEquals(second.space.view, memory.view);
  first.setTranslating(false);
  assertEquals(first.space.view, memory.view);
  first.setEnabled(false);
  assertNotEquals(first.space.view, memory.view);
});

Deno.test("a destroyed bus master leaves nothing behind", () => {
  const { topology, domain, arena, iommu, createDevice } = createMachine();
  const grownBy = (act: () => void): number => {
    domain.barrier();
    const before = arena.stats().liveBlocks;
    act();
    domain.barrier();
    return arena.stats().liveBlocks - before;
  };
  const own = grownBy(() => {
    iommu.createTable();
    iommu.createRegion({ name: "alone" });
  });
  const grown = grownBy(() => {
    const { master } = createDevice("nic");
    master.setEnabled(true);
    master.setTranslating(true);
    master.destroy();
  });
  assertEquals(grown, own, "its table and its IOMMU region, which the unit destroys");
  assertEquals(topology.addressSpaces.map(({ name }) => name), ["memory"]);
});

Deno.test("a device writes where its address space, and then its IOMMU, leads", () =>
  withWorkers(async (workers) => {
    const machine = createMachine();
    const device = machine.createDevice("nic");
    const { master, table } = device;
    const worker = machine.spawn(workers, device);
    assertEquals(
      await worker.call("fill", RAM_AT, 10, 1),
      DECODE_ERROR,
      "it may not master the bus",
    );
    assertEquals(machine.written(0), 0);
    master.setEnabled(true);
    assertEquals(await worker.call("fill", RAM_AT + PAGE, 10, 1), OK, "directly");
    assertEquals(machine.written(1), 10);
    master.setTranslating(true);
    assertEquals(
      await worker.call("fill", RAM_AT + PAGE, 20, 1),
      DECODE_ERROR,
      "nothing is mapped",
    );
    assertEquals(machine.written(1), 10);
    table.map(0x1000, PAGE, RAM_AT + 7 * PAGE, 3);
    table.map(0x2000, PAGE, RAM_AT + 3 * PAGE, 3);
    table.map(0x3000, PAGE, RAM_AT + 4 * PAGE, 1);
    assertEquals(await worker.call("fill", 0x1f00, 0x200, 1), OK, "cut at the page's end");
    assertEquals([machine.written(7), machine.written(3), machine.written(8)], [0x100, 0x100, 0]);
    assertEquals(await worker.call("fill", 0x2ff0, 0x20, 1), DECODE_ERROR, "partly read-only");
    assertEquals([machine.written(3), machine.written(4)], [0x110, 0]);
    table.map(0x8000, PAGE, 0x10_0000_0000, 3);
    assertEquals(await worker.call("fill", 0x8000, 1, 1), DECODE_ERROR, "it leads to no memory");
  }));

Deno.test("an IOMMU may lead to another, but not back to itself without end", () =>
  withWorkers(async (workers) => {
    const machine = createMachine();
    const outer = machine.createDevice("bridge", 2); // its addresses are those of the second space
    const inner = machine.createDevice("root", 0);
    for (const { master } of [outer, inner]) {
      master.setEnabled(true);
      master.setTranslating(true);
    }
    outer.table.map(0, 0x20_0000, 0x40_0000, 3);
    inner.table.map(0x40_0000, PAGE, RAM_AT + 9 * PAGE, 3);
    inner.table.map(0x40_1000, PAGE, RAM_AT + 2 * PAGE, 3);
    const worker = machine.spawn(workers, outer, inner);
    assertEquals(await worker.call("fill", 0xff0, 0x20, 1), OK, "cut by the smaller page");
    assertEquals([machine.written(9), machine.written(2)], [0x10, 0x10]);
    const loop = machine.createDevice("loop", 1);
    loop.master.setEnabled(true);
    loop.master.setTranslating(true);
    loop.table.map(0, PAGE, 0, 3);
    const lost = machine.spawn(workers, loop);
    assertEquals(await lost.call("fill", 0x10, 1, 1), DECODE_ERROR);
  }));

Deno.test("no byte goes where a device may no longer write, however that was switched off", () =>
  withWorkers(async (workers) => {
    const machine = createMachine();
    const device = machine.createDevice("nic");
    const { master, table } = device;
    master.setTranslating(true);
    master.setEnabled(true);
    const { control } = machine;
    const worker = machine.spawn(workers, device);
    const slots = 4;
    const run = worker.call("run", slots, 1);
    const awaitPages = (count: number): void => {
      const pages = () => Atomics.load(control, 1) + Atomics.load(control, 2);
      const from = pages();
      spinUntil(() => pages() - from >= count, "the device has written more");
    };
    const free = Array.from({ length: RAM_PAGES }, (_, page) => page);
    const mapped = new Map<number, number>();
    let late = 0;
    const enough = () => Atomics.load(control, 1) > 100 && Atomics.load(control, 2) > 100;
    for (const round of rounds(400, enough, "the device has written and was refused often")) {
      const slot = round % slots;
      const old = mapped.get(slot);
      if (old !== undefined) {
        // Three ways to end a device's access; each is complete when it returns.
        if (round % 3 === 0) table.unmap(slot * PAGE, PAGE);
        if (round % 3 === 1) device.region.bind(0, "blocked");
        if (round % 3 === 2) master.setEnabled(false);
        machine.poison(old);
        if (round % 16 < 3) awaitPages(slots);
        if (machine.written(old) > 0) late++;
        if (round % 3 !== 0) table.unmap(slot * PAGE, PAGE);
        free.push(old);
        device.region.bind(0, table.id);
        master.setEnabled(true);
      }
      const page = free.shift()!;
      if (machine.written(page) > 0) late++;
      table.map(slot * PAGE, PAGE, RAM_AT + page * PAGE, 3);
      mapped.set(slot, page);
      if (round % 4 === 0) awaitPages(slots);
    }
    Atomics.store(control, 0, 1);
    await run;
    late += free.filter((page) => machine.written(page) > 0).length;
    assertEquals(late, 0);
  }));
