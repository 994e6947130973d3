/**
 * A BAR moves over RAM while a vCPU uses the RAM around it.
 *
 * The RAM's flat ranges end where the BAR begins, and so do its memslots: as the BAR moves, slots
 * are deleted and others are created for the same pages. A listener that commits the whole change
 * as one batch leaves no hole. One that commits a batch for each section does, and the vCPU falls
 * into it.
 *
 *     deno run --allow-read examples/learn/memslots/main.ts
 *
 * @module
 */

import type { MemoryListener } from "@guestmem/flatview";
import { MemslotListener } from "@guestmem/ramblock/memslots";
import { ask } from "../../lib/workers.ts";
import { createMachine } from "./machine.ts";
import { PiecemealListener } from "./piecemeal_listener.ts";
import type { Entry } from "./worker.ts";
import type { Met } from "./watch.ts";

const MIB = 1 << 20;
const MOVES = 20;

/** Moves the BAR between 2 and 3 MiB while a vCPU looks up pages at 1, 2.5 and 3.5 MiB. */
export async function moveBar(batches: "one for a commit" | "one for a section"): Promise<Met> {
  const { arena, blocks, slots, topology, system, memory, addBlock } = createMachine();
  system.addSubregion(0, topology.initRam("pc.ram", 4 * MIB, addBlock("pc.ram", 4 * MIB)));
  const bar = topology.initIo("vga.bar", 64 << 10, {});
  system.addSubregionOverlap(2 * MIB, bar, 1);
  const follow = batches === "one for a commit" ? MemslotListener : PiecemealListener;
  topology.registerListener(new follow(slots, blocks), memory);

  const words = new Int32Array(new SharedArrayBuffer(8));
  const met = ask<Met>(
    import.meta.resolve("./worker.ts"),
    {
      arena: arena.handle,
      slots: slots.handle,
      host: blocks.blocks()[0]!.host,
      gfns: [0x100, 0x280, 0x380],
      words,
    } satisfies Entry,
  );
  // Its priority puts it in front: when it hears of an added section, all old slots are gone and no
  // new one is there.
  const pause: MemoryListener = { priority: -1, regionAdd: () => awaitPass(words) };
  awaitPass(words);
  topology.registerListener(pause, memory);
  for (let move = 1; move <= MOVES; move++) bar.setAddress(move % 2 === 0 ? 2 * MIB : 3 * MIB);
  Atomics.store(words, 1, 1);
  return await met;
}

/** Blocks until the vCPU, which counts its passes in the first word, has begun and ended a pass. */
export function awaitPass(words: Int32Array): void {
  const before = Atomics.load(words, 0);
  for (let now = before; now < before + 2; now = Atomics.load(words, 0)) {
    if (Atomics.wait(words, 0, now, 30_000) === "timed-out") throw new Error("The vCPU is stuck");
  }
}

if (import.meta.main) {
  for (const batches of ["one for a commit", "one for a section"] as const) {
    const { mapped, retries, holes } = await moveBar(batches);
    console.log(`Batches: ${batches}. The BAR moved ${MOVES} times; of the vCPU's lookups`);
    console.log(`  ${mapped} found the page, ${retries} had to be retried, ${holes} found no slot`);
  }
}
