/** Memslots with few slots, for tests. */

import { Arena, Srcu } from "@guestmem/rcu";
import { Memslots } from "../memslots/memslots.ts";
import type { Memslot } from "../memslots/slot_table.ts";

/** Bytes of a page. */
export const PAGE = 4096;

/** Host address of gfn 0. */
export const HOST = 2 ** 46;

/** An SRCU domain, memslots in it, and a reader. */
export function setUp(limit = 100, arenaBytes = 1 << 20) {
  const arena = Arena.create({ bytes: arenaBytes });
  const srcu = Srcu.create(arena);
  const slots = Memslots.create(srcu, { limit });
  const reader = srcu.register();
  const look = <T>(body: (table: number) => T): T => {
    const guard = reader.lock();
    try {
      return body(slots.snapshot(guard));
    } finally {
      guard.unlock();
    }
  };
  return { arena, srcu, slots, reader, look };
}

/** A slot whose host addresses follow its guest pages. */
export const slot = (id: number, baseGfn: number, pages: number, flags = 0): Memslot => //
({ id, baseGfn, pages, host: HOST + baseGfn * PAGE, flags });

/** Creates slots in one batch. */
export function create(slots: Memslots, ...wanted: Memslot[]): void {
  const batch = slots.batch();
  for (const one of wanted) batch.create(one);
  batch.commit();
}
