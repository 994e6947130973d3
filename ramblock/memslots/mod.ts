/**
 * Memslots: guest pages to host memory under SRCU, as KVM keeps them.
 *
 * {@linkcode Memslots} is the table in which every vCPU looks up, one snapshot a section;
 * {@linkcode SlotBatch} changes it without a hole; {@linkcode ShadowMap} caches a vCPU's translations,
 * which a batch flushes before it deletes a slot; {@linkcode MemslotListener} keeps the slots in step
 * with a flat view. Errors are `RamBlockError` of `@guestmem/ramblock`.
 *
 * @example
 * ```ts
 * import { Arena, Srcu } from "@guestmem/rcu";
 * import { Memslots, OUTCOME, SLOT_FLAG } from "@guestmem/ramblock/memslots";
 * import { assertEquals } from "@std/assert";
 *
 * const srcu = Srcu.create(Arena.create({ bytes: 1 << 20 }));
 * const slots = Memslots.create(srcu);
 * const boot = slots.batch();
 * boot.create({ id: 0, baseGfn: 0, pages: 256, host: 2 ** 46, flags: 0 });
 * boot.commit();
 *
 * const split = slots.batch(); // the upper half becomes read-only: no gfn is unmapped in between
 * split.delete(0);
 * split.create({ id: 0, baseGfn: 0, pages: 128, host: 2 ** 46, flags: 0 });
 * split.create({ id: 1, baseGfn: 128, pages: 128, host: 2 ** 46 + 0x80000, flags: SLOT_FLAG.READONLY });
 * split.commit();
 *
 * const guard = srcu.register().lock();
 * assertEquals(slots.gfnToHost(slots.snapshot(guard), 200), 2 ** 46 + 200 * 4096);
 * assertEquals(slots.gfnToHost(slots.snapshot(guard), 256), OUTCOME.NO_SLOT);
 * guard.unlock();
 * ```
 *
 * @module
 */

export { OUTCOME, SLOT_FLAG } from "../kernel/layouts.ts";
export { MemslotListener } from "./memslot_listener.ts";
export { Memslots } from "./memslots.ts";
export { ShadowMap } from "./shadow_map.ts";
export { SlotBatch } from "./slot_batch.ts";
export type { Memslot } from "./slot_table.ts";
export type { MemslotsHandle } from "./slots_core.ts";
