/**
 * The mistake that batches of memslots prevent.
 *
 * @module
 */

import type { MemoryListener, MemoryRegionSection } from "@guestmem/flatview";
import type { RamList } from "@guestmem/ramblock";
import type { Memslots } from "@guestmem/ramblock/memslots";

/**
 * Follows a flat view of page-aligned RAM with a batch for each section, as QEMU's KVM listener did
 * up to version 7.2: a section whose extent changes is deleted and then added again, and in between
 * its pages have no slot. Not for use.
 */
export class PiecemealListener implements MemoryListener {
  readonly #slots: Memslots;
  readonly #blocks: RamList;

  /** @param slots The slots. @param blocks The RAM. */
  constructor(slots: Memslots, blocks: RamList) {
    this.#slots = slots;
    this.#blocks = blocks;
  }

  regionDel({ region, offsetWithinAddressSpace }: MemoryRegionSection): void {
    if (!region?.ram) return;
    const batch = this.#slots.batch();
    const baseGfn = Number(offsetWithinAddressSpace >> 12n);
    batch.delete(batch.slots().find((slot) => slot.baseGfn === baseGfn)!.id);
    batch.commit();
  }

  regionAdd(section: MemoryRegionSection): void {
    const { region, offsetWithinAddressSpace, offsetWithinRegion, size } = section;
    if (!region?.ram) return;
    const batch = this.#slots.batch();
    const block = this.#blocks.blocks().find(({ id }) => id === region.ram!.blockId)!;
    batch.create({
      id: batch.freeId(),
      baseGfn: Number(offsetWithinAddressSpace >> 12n),
      pages: Number(size >> 12n),
      host: block.host + Number(region.ram.ramAddr + offsetWithinRegion) - block.offset,
      flags: 0,
    });
    batch.commit();
  }
}
