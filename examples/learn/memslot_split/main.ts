/**
 * A memslot is split in two, the upper half read-only, while vCPUs use it: what a VMM does when the
 * guest write-protects a part of its memory. A guest page that has memory before and after the
 * batch never looks unmapped: while the batch runs, a lookup returns *retry*.
 *
 *     deno run --allow-read examples/learn/memslot_split/main.ts
 *
 * @module
 */

import { Memslots, OUTCOME, ShadowMap, SLOT_FLAG } from "@guestmem/ramblock/memslots";
import { Arena, Srcu } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";
import { ask } from "../../lib/workers.ts";

const PAGE = 4096;
/** The slot's host address, and a guest page in each half. */
export const HOST = 2 ** 46;
export const LOW = 0x10;
export const HIGH = 0x90;

/** Results of a vCPU's writes to both pages, before, during and after the split. */
export interface Outcomes {
  readonly before: readonly number[];
  readonly during: readonly number[];
  readonly after: readonly number[];
  /** Where the other vCPU, whose section began before the split, finds the high page. */
  readonly olderSnapshot: number;
}

/** Splits the slot while another vCPU, in a worker, is inside a section. */
export async function split(): Promise<Outcomes> {
  const arena = Arena.create({ bytes: 1 << 20 });
  const srcu = Srcu.create(arena);
  const slots = Memslots.create(srcu);
  const boot = slots.batch();
  boot.create({ id: 0, baseGfn: 0, pages: 0x100, host: HOST, flags: 0 });
  boot.commit();
  const [reader, shadow] = [srcu.register(), ShadowMap.create(slots)];
  const writeBoth = () => {
    const guard = reader.lock();
    const hosts = [LOW, HIGH].map((gfn) => shadow.translate(guard, gfn, true));
    guard.unlock();
    return hosts;
  };
  const before = writeBoth();

  const schedule = Schedule.create();
  const vcpu = ask<number>(import.meta.resolve("./worker.ts"), {
    arena: arena.handle,
    slots: slots.handle,
    schedule: schedule.buffer,
    gfn: HIGH,
  });
  schedule.awaitStep(1); // the other vCPU is inside its section
  const half = 0x80;
  const batch = slots.batch();
  batch.delete(0);
  batch.create({ id: 0, baseGfn: 0, pages: half, host: HOST, flags: 0 });
  batch.create({
    id: 1,
    baseGfn: half,
    pages: half,
    host: HOST + half * PAGE,
    flags: SLOT_FLAG.READONLY,
  });
  const committed = batch.commitAsync(); // cannot finish before the other vCPU leaves
  shadow.clear(); // so that this vCPU must look in the table
  const during = writeBoth();
  schedule.reach(2);
  const olderSnapshot = await vcpu;
  await committed;
  return { before, during, after: writeBoth(), olderSnapshot };
}

if (import.meta.main) {
  const names = new Map(Object.entries(OUTCOME).map(([name, value]) => [value as number, name]));
  const name = (host: number) => names.get(host) ?? `host + 0x${(host - HOST).toString(16)}`;
  const outcomes = await split();
  for (const time of ["before", "during", "after"] as const) {
    const [low, high] = outcomes[time].map(name);
    console.log(`${time} the split: low page ${low}, high page ${high}`);
  }
  console.log(`in a section that began before it: high page ${name(outcomes.olderSnapshot)}`);
}
