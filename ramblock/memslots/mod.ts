/**
 * Memslots: guest pages to host memory under SRCU, as KVM keeps them.
 *
 * {@linkcode Memslots} is the table that every vCPU looks up, one snapshot a section;
 * {@linkcode SlotBatch} changes it without a hole; {@linkcode ShadowMap} is what a vCPU keeps of it,
 * and what a batch takes back before it lets a slot go; {@linkcode MemslotListener} keeps the slots
 * in step with a flat view.
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
 * const split = slots.batch(); // the upper half becomes read-only: no gfn is unmapped meanwhile
 * split.delete(0);
 * split.create({ id: 0, baseGfn: 0, pages: 128, host: 2 ** 46, flags: 0 });
 * split.create({ id: 1, baseGfn: 128, pages: 128, host: 2 ** 46 + 0x80000, flags: SLOT_FLAG.READONLY });
 * split.commit();
 *
 * const section = srcu.register().lock();
 * assertEquals(slots.gfnToHost(slots.snapshot(section), 200), 2 ** 46 + 200 * 4096);
 * assertEquals(slots.gfnToHost(slots.snapshot(section), 256), OUTCOME.NO_SLOT);
 * section.unlock();
 * ```
 *
 * @module
 */

export { SlotBatch } from "./batch.ts";
export type { MemslotsHandle, MemslotsOptions } from "./core.ts";
export {
  BatchConflictError,
  InvalidSlotError,
  NoDirtyLogError,
  SlotExistsError,
  SlotLimitError,
  SlotOverlapError,
  SlotSectionError,
  UnknownSlotError,
} from "./errors.ts";
export { OUTCOME, SLOT_FLAG } from "./layout.ts";
export { MemslotListener } from "./listener.ts";
export type { RamRegion, RamSection } from "../blocks/section.ts";
export { Memslots } from "./memslots.ts";
export { ShadowMap } from "./shadow_map.ts";
export type { Memslot } from "./table.ts";
