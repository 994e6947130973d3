/** vCPUs in workers while the topology changes, in forced order and in races. */

import { Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { ListenerError } from "@guestmem/flatview";
import { RamBlockError, type RamList } from "@guestmem/ramblock";
import { MemslotListener, type Memslots, OUTCOME } from "@guestmem/ramblock/memslots";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { createMachine } from "../../learn/memslots/machine.ts";
import { awaitPass } from "../../learn/memslots/main.ts";
import type { Setup } from "./memslots_test_worker.ts";
import { PiecemealListener } from "../../learn/memslots/piecemeal_listener.ts";

const WORKER = import.meta.resolve("./memslots_test_worker.ts");
const PAGE = 4096;

/** 64 pages of RAM, a BAR over pages 32 to 35, and vCPUs. */
function setUp(
  workers: TestWorkers,
  count: number,
  follow: typeof MemslotListener | typeof PiecemealListener = MemslotListener,
) {
  const machine = createMachine();
  const { arena, blocks, slots, topology, system, memory, addBlock } = machine;
  const ram = topology.initRam("ram", 64 * PAGE, addBlock("ram", 64 * PAGE));
  const bar = topology.initIo("bar", 4 * PAGE, {});
  system.addSubregion(0, ram);
  system.addSubregionOverlap(32 * PAGE, bar, 1);
  topology.registerListener(new follow(slots, blocks), memory);
  const schedule = Schedule.create();
  const passes = new Int32Array(new SharedArrayBuffer(4 * count));
  const [block] = blocks.blocks();
  const bytes = new Uint8Array(blocks.ram.handle.windows[0]!.buffer);
  const data = {
    arena: arena.handle,
    slots: slots.handle,
    schedule: schedule.buffer,
    passes,
    bytes,
    origin: block!.host - block!.offset,
  };
  const vcpus = Array.from({ length: count }, () => workers.spawn<Setup>(WORKER, data));
  return { ...machine, ram, bar, schedule, passes, vcpus, bytes, host: block!.host };
}

Deno.test("between the two tables of a commit, pages with a slot before and after are retried", () =>
  withWorkers(async (workers) => {
    const { topology, system, addBlock, bar, vcpus: [vcpu], schedule, host } = setUp(workers, 1);
    const rom = topology.initRom("rom", PAGE, addBlock("rom", PAGE));
    system.addSubregion(0x1000 * PAGE, rom);
    const between = vcpu!.call("lookBetween", [0, 31, 32, 40, 41, 44, 63, 0x1000]);
    schedule.awaitStep(1);
    bar.setAddress(40 * PAGE); // blocks until the vCPU's section ends
    const { RETRY, NO_SLOT } = OUTCOME;
    assertEquals(await between, [
      ...[RETRY, RETRY], // in slots whose extent changes
      NO_SLOT, // still under the BAR
      ...[RETRY, RETRY], // under the BAR soon
      ...[RETRY, RETRY],
      host + 64 * PAGE, // not touched
    ]);
  }));

Deno.test("planted: with a batch for each section a commit shows a hole between them", () =>
  withWorkers(async (workers) => {
    const { vcpus: [vcpu], topology, memory, bar, host, schedule, passes } = setUp(
      workers,
      1,
      PiecemealListener,
    );
    const met = vcpu!.call("watch", 0, host, [0, 63]);
    // Of its priority it is told first of what comes, when all that goes is gone.
    topology.registerListener({ priority: -1, regionAdd: () => awaitPass(passes) }, memory);
    bar.setAddress(40 * PAGE);
    schedule.reach(1);
    const { mapped, holes, wrong } = await met;
    assert(mapped > 0);
    assert(holes > 0, "the vCPU passed twice while there was no slot");
    assertEquals(wrong, 0);
  }));

/**
 * RAM is unplugged while a vCPU reads it in a section; what the vCPU reads before and during that.
 */
function unplug(follow: Parameters<typeof setUp>[2], readsAt: 1 | 2): Promise<number[]> {
  const { promise, resolve } = Promise.withResolvers<number[]>();
  return withWorkers(async (workers) => {
    const { vcpus: [vcpu], schedule, system, ram, blocks, domain, bytes, slots } = setUp(
      workers,
      1,
      follow,
    );
    bytes[5 * PAGE] = 0x5a;
    const read = vcpu!.call("readTwice", 5, readsAt);
    schedule.awaitStep(1);
    system.delSubregion(ram);
    blocks.remove(ram.ram!.blockId);
    domain.barrier(); // zeroed, and free for another block
    schedule.reach(2);
    resolve(await read);
    assertEquals(bytes[5 * PAGE], 0);
    slots.srcu.srcuBarrier();
  }).then(() => promise);
}

Deno.test("RAM is unplugged when no vCPU uses it any more", async () => {
  assertEquals(await unplug(MemslotListener, 1), [0x5a, 0x5a]);
});

/** Deletes all slots in one step, without waiting for the vCPUs that use them. */
class HastyListener extends PiecemealListener {
  readonly #batches: Memslots;
  #gone = false;

  constructor(slots: Memslots, blocks: RamList) {
    super(slots, blocks);
    this.#batches = slots;
  }

  override regionDel(): void {
    this.#gone = true;
  }

  commit(): void {
    if (!this.#gone) return;
    const batch = this.#batches.batch();
    for (const { id } of batch.slots()) batch.delete(id);
    batch.commitAsync(); // and goes on
  }
}

Deno.test("planted: slots that go in one step leave a vCPU with another one's memory", async () => {
  assertEquals(await unplug(HastyListener, 2), [0x5a, 0]);
});

Deno.test("torture: whatever the control context edits, vCPUs meet no hole in RAM that stays", () =>
  withWorkers(async (workers) => {
    const machine = setUp(workers, 2);
    const { topology, system, addBlock, ram, bar, vcpus, schedule, passes, host } = machine;
    const flash = topology.initRomDevice("flash", 4 * PAGE, addBlock("flash", 4 * PAGE), {});
    const window = topology.initAlias("window", 2 * PAGE, flash, 0);
    const shadow = topology.initAlias("shadow", 3 * PAGE, ram, 30 * PAGE);
    system.addSubregion(0x100 * PAGE, flash);
    system.addSubregionOverlap(20 * PAGE, window, 2);
    system.addSubregionOverlap(30 * PAGE, shadow, 0);
    // No edit below reaches pages 0 to 15, nor 56 to 63.
    const gfns = [[0, 15, 56], [7, 60, 63]];
    const watches = vcpus.map((vcpu, me) => vcpu.call("watch", me, host, gfns[me]!));
    const edits: ((round: number) => void)[] = [
      (round) => bar.setAddress((16 + round % 37) * PAGE),
      (round) => bar.setSize(1 + (round % 4) * PAGE), // mostly ends within a page
      (round) => flash.setRomd(round % 2 === 0),
      (round) => window.setAddress((18 + round % 20) * PAGE + (round % 3) * 0x400),
      (round) => shadow.setReadonly(round % 2 === 0),
      (round) => ram.setLog((ram.dirtyLogMask & 1 << round % 3) === 0, round % 3),
      (round) => bar.setEnabled(round % 3 !== 0),
    ];
    const ignored = (act: () => void) => {
      try {
        act();
      } catch (error) {
        // The window is no slot where its memory is aligned differently.
        assertInstanceOf(error, ListenerError);
        for (const one of error.errors) {
          assertInstanceOf(one, RamBlockError);
          assertEquals(one.code, "UNMAPPABLE_SECTION");
        }
      }
    };
    const enough = () => passes.every((count) => count > 300);
    for (const round of rounds(200, enough, "both vCPUs have passed often")) {
      const some = edits.filter((_, i) => (round * 5 + i * 3) % 7 < 3);
      ignored(() => topology.transaction(() => some.forEach((edit) => edit(round))));
    }
    schedule.reach(1);
    for (const watch of watches) {
      const { mapped, holes, wrong } = await watch;
      assertEquals([holes, wrong], [0, 0]);
      assert(mapped > 0);
    }
  }));
