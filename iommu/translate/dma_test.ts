import { Schedule } from "#tools/testing/schedule.ts";
import { rounds, spinUntil } from "#tools/testing/until.ts";
import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { assert, assertEquals } from "@std/assert";
import { InvalidationLog } from "../iotlb/invalidation_log.ts";
import { GuestRam } from "../testdata/guest_ram.ts";
import { GuestIommu } from "../unit/guest_iommu.ts";
import { TableIommu } from "../unit/table_iommu.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import type { DeviceData, Setup } from "./dma_test_worker.ts";

const WORKER = import.meta.resolve("./dma_test_worker.ts");
const POISON = 0xdead_beef;
/** First data page of the RAM; those before hold the guest's tables. */
const FIRST_PAGE = 16;
const PAGES = 48;
/** Pages of the IOVA space that devices write to, `stride` apart. */
const SLOTS = 6;

type Kind = DeviceData["kind"];

/** A machine with one IOMMU, whose IOVA pages are mapped and unmapped one by one. */
function createMachine(kind: Kind) {
  // Freed nodes are poisoned: a walk that still reads one goes astray.
  const arena = Arena.create({ bytes: 8 << 20, debug: true });
  const domain = RcuDomain.create(arena);
  const ram = new GuestRam(FIRST_PAGE + PAGES);
  const words = new Uint32Array(ram.memory.buffer);
  const schedule = Schedule.create();
  const control = new SharedArrayBuffer(20);
  const shared = { arena: arena.handle, domain: domain.handle, memory: ram.memory, kind } as const;
  const parts = kind === "table" ? tableParts(arena, domain) : guestParts(arena, domain, ram);
  const common = { ...shared, schedule: schedule.buffer, control, region: parts.region };
  const spawn = (workers: TestWorkers, flavour: DeviceData["flavour"] = "memb") =>
    workers.spawn<Setup>(WORKER, { ...common, flavour });
  const poison = (page: number) => words.fill(POISON, page * 1024, (page + 1) * 1024);
  const isClean = (page: number) =>
    words.subarray(page * 1024, (page + 1) * 1024).every((word) => word === POISON);
  return { domain, schedule, control: new Int32Array(control), spawn, poison, isClean, ...parts };
}

/** Pages so far apart that each needs its own nodes, which are made and freed with it. */
function tableParts(arena: Arena, domain: RcuDomain) {
  const stride = 2 ** 30;
  const iommu = new TableIommu({ arena, domain });
  const table = iommu.createTable();
  const region = iommu.createRegion({ name: "device" });
  region.bind(0, table.id);
  return {
    stride,
    region: region.handle,
    map: (slot: number, page: number) => table.map(slot * stride, 4096, page * 4096, 3),
    unmap: (slot: number) => void table.unmap(slot * stride, 4096),
    unmapAsync: async (slot: number) => void await table.unmapAsync(slot * stride, 4096),
  };
}

/** The guest stores its entries as its processor would: eight bytes at once. */
function guestParts(arena: Arena, domain: RcuDomain, ram: GuestRam) {
  const walker = new RiscvWalker({ memory: ram.window() });
  const iommu = new GuestIommu({ arena, domain, walker });
  ram.set(0, 0, (1n << 10n) | 1n);
  ram.set(1, 0, (2n << 10n) | 1n);
  iommu.setRoot(8n << 60n);
  const store = (slot: number, value: bigint) =>
    void Atomics.store(ram.words as BigUint64Array<SharedArrayBuffer>, 2 * 512 + slot, value);
  const request = (slot: number) => ({ domain: 0, first: slot * 4096, size: 4096 });
  return {
    stride: 4096,
    region: iommu.createRegion({ name: "device" }).handle,
    map: (slot: number, page: number) => store(slot, (BigInt(page) << 10n) | 0xd7n),
    unmap: (slot: number) => {
      store(slot, 0n);
      iommu.invalidate(request(slot));
    },
    unmapAsync: async (slot: number) => {
      store(slot, 0n);
      await iommu.invalidateAsync(request(slot));
    },
  };
}

/** Plants the bug: while `body` runs, invalidations of this context are lost. */
async function withoutInvalidations(body: () => void | Promise<void>): Promise<void> {
  const { append } = InvalidationLog.prototype;
  InvalidationLog.prototype.append = () => {};
  try {
    await body();
  } finally {
    InvalidationLog.prototype.append = append;
  }
}

for (const kind of ["table", "guest"] as const) {
  Deno.test(`${kind}: an unmapping is not complete while a device copies (IOMMU-G1)`, () =>
    withWorkers(async (workers) => {
      const machine = createMachine(kind);
      const device = machine.spawn(workers);
      machine.map(1, FIRST_PAGE);
      const writing = device.call("writeSlowly", machine.stride);
      await machine.schedule.awaitStepAsync(1);
      let complete = false;
      const unmapping = machine.unmapAsync(1).then(() => complete = true);
      // The device stands between walk and copy, so no number of turns of the loop completes it.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
      assertEquals(complete, false);
      machine.schedule.reach(2);
      await unmapping;
      machine.poison(FIRST_PAGE);
      assertEquals(await writing, true);
      assertEquals(machine.isClean(FIRST_PAGE), true, "the copy was over before");
      assertEquals(await device.call("writeOnce", machine.stride), false);
    }));

  Deno.test(`${kind}: planted, an unmapping that does not wait is caught`, () =>
    withWorkers(async (workers) => {
      const machine = createMachine(kind);
      const device = machine.spawn(workers);
      machine.map(1, FIRST_PAGE);
      const writing = device.call("writeSlowly", machine.stride);
      machine.schedule.awaitStep(1);
      machine.domain.synchronize = () => {};
      machine.unmap(1);
      machine.poison(FIRST_PAGE);
      machine.schedule.reach(2);
      assertEquals(await writing, true);
      assertEquals(machine.isClean(FIRST_PAGE), false);
    }));

  Deno.test(`${kind}: planted, an unmapping that invalidates nothing is caught`, () =>
    withWorkers(async (workers) => {
      const machine = createMachine(kind);
      const device = machine.spawn(workers);
      machine.map(1, FIRST_PAGE);
      assertEquals(await device.call("writeOnce", machine.stride), true);
      await withoutInvalidations(() => machine.unmap(1));
      machine.poison(FIRST_PAGE);
      assertEquals(await device.call("writeOnce", machine.stride), true, "from its IOTLB");
      assertEquals(machine.isClean(FIRST_PAGE), false);
    }));

  Deno.test(`${kind}: devices write while pages are mapped, unmapped and used again (IOMMU-G1)`, () =>
    withWorkers(async (workers) => {
      const machine = createMachine(kind);
      const enough = () => {
        const [, written, refused, ...hits] = machine.control;
        return written! > 1000 && refused! > 1000 && hits.every((count) => count > 100);
      };
      const late = await torture(machine, workers, 1500, enough);
      assertEquals(late, 0, "bytes went to a page after its unmapping");
    }));

  Deno.test(`${kind}: planted, the same finds that invalidations are missing`, () =>
    withWorkers(async (workers) => {
      await withoutInvalidations(async () => {
        const late = await torture(createMachine(kind), workers, 150, (late) => late > 0);
        assert(late > 0);
      });
    }));
}

/**
 * Maps and unmaps pages while two devices write. A page is poisoned when its unmapping is complete;
 * `late` counts those that were written to afterwards.
 */
async function torture(
  machine: ReturnType<typeof createMachine>,
  workers: TestWorkers,
  least: number,
  enough: (late: number) => boolean,
): Promise<number> {
  const devices = [machine.spawn(workers, "memb"), machine.spawn(workers, "qsbr")];
  const free = Array.from({ length: PAGES }, (_, i) => FIRST_PAGE + i);
  for (const page of free) machine.poison(page);
  const mapped = new Map<number, number>();
  const runs = devices.map((device, at) => device.call("run", SLOTS, machine.stride, at + 1));
  for (let slot = 0; slot < SLOTS; slot++) {
    const page = free.shift()!;
    mapped.set(slot, page);
    machine.map(slot, page);
  }
  awaitWrites(machine.control, 1);
  let late = 0;
  for (const round of rounds(least, () => enough(late), "the devices have met all cases")) {
    const slot = round % SLOTS;
    const old = mapped.get(slot)!;
    machine.unmap(slot);
    machine.poison(old);
    free.push(old);
    // Once in a while the devices get to find the gap.
    if (round % 8 === 0) awaitWrites(machine.control, 3);
    const page = free.shift()!;
    if (!machine.isClean(page)) late++;
    mapped.set(slot, page);
    machine.map(slot, page);
  }
  awaitWrites(machine.control, 100);
  Atomics.store(machine.control, 0, 1);
  await Promise.all(runs);
  return late + free.filter((page) => !machine.isClean(page)).length;
}

/** Spins until the devices have written `count` more pages. */
function awaitWrites(control: Int32Array, count: number): void {
  const from = Atomics.load(control, 1);
  spinUntil(() => Atomics.load(control, 1) - from >= count, "the devices have written");
}
