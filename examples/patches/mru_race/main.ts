/**
 * Two readers and a writer race for the word that caches the most recently found RAM block.
 *
 * The point of QEMU's patch "exec: protect mru_block with RCU": readers may write `mru_block`
 * without a lock, because a stale store cannot come after the end of the grace period. It cannot;
 * but before that end, a reader that entered too late to be waited for can load the stale pointer,
 * and still use it when the block has been freed. This forces that schedule, first with the word as
 * in the patch, then with a tag: the version of the list under which the block was found.
 * `@guestmem/ramblock` keeps that tag.
 *
 *     deno run --allow-read examples/patches/mru_race/main.ts
 *
 * @module
 */

import { Arena, RcuDomain, RcuPair, RcuPointer } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";
import { ask } from "../../lib/workers.ts";
import type { Seen } from "./worker.ts";

/** Content of the block, and of the block that reuses its memory. */
export const CONTENT = 0x55;
export const OTHER_CONTENT = 0xee;

/** Reader A stores late, the writer frees the block, reader B looks up in between. */
export async function race(word: "plain" | "tagged"): Promise<Seen> {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const schedule = Schedule.create();
  const block = arena.allocate(64);
  arena.u32[block / 4] = CONTENT;
  const list = RcuPointer.create(arena, block); // a list of one block or none
  const version = RcuPointer.create(arena, 1); // of the list
  const mru = RcuPair.create(arena); // a block, and the list's version when it was found
  const start = (role: "A" | "B") =>
    ask<Seen>(import.meta.resolve("./worker.ts"), {
      arena: arena.handle,
      domain: domain.handle,
      schedule: schedule.buffer,
      words: [list.offset, version.offset, mru.offset],
      tagged: word === "tagged",
      role,
    });
  const [a, b] = [start("A"), start("B")];

  schedule.awaitStep(1); // A has found the block, and has not stored it yet
  list.publish(0); // unlinked
  version.publish(2);
  mru.publish(0, 0); // cleared
  const cookie = domain.startPoll();
  domain.poll(cookie); // the grace period begins: it waits for A
  schedule.reach(2); // A stores the block, and leaves (3); B enters a section and looks up
  schedule.awaitStep(4);
  while (!domain.poll(cookie)); // the grace period ends, with B inside: B came later
  arena.free(block);
  const other = arena.allocate(64); // reuses the freed memory
  arena.u32[other / 4] = OTHER_CONTENT;
  schedule.reach(5);
  await a;
  return await b;
}

if (import.meta.main) {
  for (const word of ["plain", "tagged"] as const) {
    const seen = await race(word);
    const found = seen === null
      ? "does not trust it, walks the list, and finds no block."
      : `finds a block that holds ${seen[0]}, and then, in the same section, ${seen[1]}.`;
    console.log(`The word is ${word}: the late reader ${found}`);
  }
}
