/**
 * A memslot is deleted in two steps while a vCPU makes mappings from it.
 *
 * The point of the patch "KVM: introduce kvm->srcu and convert kvm_set_memory_region to SRCU
 * update": the slot is first published as invalid, which stops new shadow mappings and still lets
 * old ones be torn down. After a grace period no vCPU uses a table in which the slot is valid, so
 * mappings that are torn down then stay down. Also, a lookup uses one snapshot: a hunk of the patch
 * that loads the root and then dereferences the pointer again can mix two tables.
 *
 *     deno run --allow-read examples/patches/slot_deletion/main.ts
 *
 * @module
 */

import { Memslots, OUTCOME } from "@guestmem/ramblock/memslots";
import { Arena, Srcu } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";
import { ask } from "../../lib/workers.ts";
import type { Seen } from "./worker.ts";

/** Slot 0: its host address, and its first guest page. It has 16 pages. */
export const HOST = 2 ** 46;
export const BASE_GFN = 0x100;

/** Deletes slot 0 while a vCPU is in a section with a table that still has it. */
export async function deleteSlot(): Promise<Seen> {
  const arena = Arena.create({ bytes: 1 << 20 });
  const srcu = Srcu.create(arena);
  const slots = Memslots.create(srcu);
  const boot = slots.batch();
  boot.create({ id: 0, baseGfn: BASE_GFN, pages: 16, host: HOST, flags: 0 });
  boot.commit();

  const schedule = Schedule.create();
  const seen = ask<Seen>(import.meta.resolve("./worker.ts"), {
    arena: arena.handle,
    slots: slots.handle,
    schedule: schedule.buffer,
    gfn: BASE_GFN,
    host: HOST,
  });
  schedule.awaitStep(1); // the vCPU has its snapshot
  const deletion = slots.batch();
  deletion.delete(0);
  const deleted = deletion.commitAsync(); // publishes the slot as invalid and waits for the vCPU
  schedule.reach(2);
  await deleted; // mappings are flushed, and the slot is gone
  schedule.reach(3);
  return await seen;
}

if (import.meta.main) {
  const seen = await deleteSlot();
  const outcome = (host: number) =>
    host === OUTCOME.RETRY ? "retry" : host === OUTCOME.NO_SLOT ? "no slot" : "the slot's memory";
  console.log("While the slot is invalid, a vCPU whose section is older");
  console.log(`  makes a mapping from its snapshot to:    ${outcome(seen.fromSnapshot)}`);
  console.log(`  would be told by the latest table:       ${outcome(seen.fromLatest)}`);
  console.log(`  gets the same table when it loads again: ${seen.sameTable ? "yes" : "no"}`);
  console.log(`  finds the slot there for teardown:       ${seen.teardown ? "yes" : "no"}`);
  console.log("After the deletion");
  console.log(`  the mapping that it made leads to:       ${outcome(seen.afterwards)}`);
}
