/**
 * A dispatch is replaced while a worker looks addresses up in it.
 *
 * The point of QEMU's patch "exec: RCUify AddressSpaceDispatch": a commit publishes the next
 * dispatch with one store, and hands the old one to `call_rcu` instead of freeing it at once. This
 * runs both. Memory that is freed at once is soon reused for another map, while the reader still
 * uses it.
 *
 *     deno run --allow-read examples/patches/dispatch_swap/main.ts
 *
 * @module
 */

import { MapGenerations, PhysMap } from "@guestmem/physmap";
import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";
import { ask } from "../../lib/workers.ts";
import type { Seen } from "./worker.ts";

/** The region ids of this map. */
export const RAM = 1;
export const NIC = 2;

/** Address of the NIC's registers after a number of commits. */
const barAfter = (commits: number): number => 0xfebf_0000 - commits * 0x1000;
const COMMITS = 16;

/** Moves the BAR again and again while a worker is between two lookups in the first map. */
export async function moveBar(old: "freed after a grace period" | "freed at once"): Promise<Seen> {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const map = new PhysMap(arena, MapGenerations.create(arena), { pageBits: 12 });
  const schedule = Schedule.create();
  const build = (bar: number): number => {
    const edit = map.edit();
    edit.map(0, 0x7ff_ffff, 0, RAM);
    edit.map(bar, bar + 0xfff, 0, NIC);
    return edit.finish();
  };
  const current = RcuPointer.create(arena, build(barAfter(0)));

  const seen = ask<Seen>(import.meta.resolve("./worker.ts"), {
    arena: arena.handle,
    domain: domain.handle,
    current: current.offset,
    schedule: schedule.buffer,
    address: barAfter(0),
  });
  schedule.awaitStep(1); // the worker has loaded the dispatch and found the NIC
  for (let commits = 1; commits <= COMMITS; commits++) {
    const replaced = current.exchange(build(barAfter(commits))); // one store
    if (old === "freed at once") map.free(replaced);
    else domain.callRcu(() => map.free(replaced));
  }
  schedule.reach(2);
  const result = await seen;
  await domain.barrierAsync(); // no section is open: deferred blocks are freed
  return result;
}

if (import.meta.main) {
  const name = (region: number) => ["nothing", "the RAM", "the NIC"][region];
  for (const old of ["freed after a grace period", "freed at once"] as const) {
    const { before, after, next } = await moveBar(old);
    console.log(`Old dispatches are ${old}. At the NIC's first address, the worker finds`);
    console.log(`  in the dispatch that it loaded:         ${name(before)}`);
    console.log(`  in the same one, after ${COMMITS} commits:      ${name(after)}`);
    console.log(`  in its next section, in the latest map: ${name(next)}`);
  }
}
