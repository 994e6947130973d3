/**
 * A root and a table are replaced together, and a reader must load them together.
 *
 * The point of the thread of May 2013 on loading root and page table as one ("mem: prepare
 * address_space listener rcu style"). It has two sketches with two words. Each has a schedule in
 * which the reader leaves with an old table and a new root; both schedules are forced here. Two
 * ways hold: one 64-bit word for both (`RcuPair`), and one pointer to a struct of both, which QEMU
 * ended up with.
 *
 *     deno run --allow-read examples/patches/pair_publication/main.ts
 *
 * @module
 */

import { Arena, RcuDomain, RcuPair, RcuPointer } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";
import { ask } from "../../lib/workers.ts";
import type { Pair, Protocol } from "./worker.ts";

/** Replaces version 1 by version 2 at the worst moment. Returns what the reader loaded. */
export async function replacePair(protocol: Protocol): Promise<Pair> {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const schedule = Schedule.create();
  const newStruct = (version: number): number => {
    const block = arena.allocate(8);
    arena.u32.fill(version, block / 4, block / 4 + 2);
    return block;
  };
  const [root, table] = [RcuPointer.create(arena, 1), RcuPointer.create(arena, 1)];
  const next = RcuPointer.create(arena); // the table being published, else 0
  const pair = RcuPair.create(arena, 1, 1);
  const struct = RcuPointer.create(arena, newStruct(1));

  const writers: Record<Protocol, () => void> = {
    "reread the table": () => {
      root.publish(2);
      schedule.reach(2); // the reader does all of its loads between these two stores
      schedule.awaitStep(3);
      table.publish(2);
    },
    "announce the table": () => {
      next.publish(2);
      table.publish(2);
      root.publish(2);
      next.publish(0);
      schedule.reach(2); // the reader goes on after all of these
    },
    "one word": () => {
      pair.publish(2, 2);
      schedule.reach(2);
    },
    "pointer to a struct": () => {
      domain.deferFree(struct.exchange(newStruct(2)));
      schedule.reach(2);
    },
  };
  const seen = ask<Pair>(import.meta.resolve("./worker.ts"), {
    arena: arena.handle,
    domain: domain.handle,
    schedule: schedule.buffer,
    words: [root, table, next, pair, struct].map(({ offset }) => offset),
    protocol,
  });
  schedule.awaitStep(1);
  writers[protocol]();
  return await seen;
}

if (import.meta.main) {
  const protocols = [
    "reread the table",
    "announce the table",
    "one word",
    "pointer to a struct",
  ] as const;
  for (const protocol of protocols) {
    const [root, table] = await replacePair(protocol);
    const verdict = root === table ? "whole" : "torn";
    console.log(`${protocol}: root of version ${root}, table of version ${table}: ${verdict}`);
  }
}
