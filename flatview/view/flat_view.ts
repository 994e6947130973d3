import { AddressSpaceDispatch, dumpDispatch } from "@guestmem/physmap";
import type { BlockAllocator } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import { type FlatRange, readRange } from "../render/flat_range.ts";
import { RANGE_WORDS } from "../render/range_list.ts";
import { VIEW_HEADER_BYTES, ViewWord } from "./layout.ts";

/**
 * A published view as the control context knows it: the block in the arena, and the regions that its
 * ranges name, on each of which it holds a reference.
 */
export class FlatView {
  /** Offset of the view's block in the arena. */
  readonly offset: number;
  /** The physical root; null for the empty view. */
  readonly root: MemoryRegion | null;
  /** The region of each range. */
  readonly regions: readonly MemoryRegion[];
  /** @internal Address spaces that show it. */
  users = 0;
  readonly #words: Uint32Array;

  /** @internal */
  constructor(
    arena: Pick<BlockAllocator, "u32">,
    offset: number,
    root: MemoryRegion | null,
    regions: readonly MemoryRegion[],
  ) {
    this.#words = arena.u32;
    this.offset = offset;
    this.root = root;
    this.regions = regions;
  }

  /** Offset of the dispatch, which views that show the same share. */
  get dispatch(): number {
    return this.#words[(this.offset >>> 2) + ViewWord.DISPATCH]!;
  }

  /** Index of the first word of a range, in the arena's words. */
  wordsOf(index: number): number {
    return ((this.offset + VIEW_HEADER_BYTES) >>> 2) + index * RANGE_WORDS;
  }

  /** One range. The view must be alive. */
  range(index: number): FlatRange {
    return readRange(this.#words, this.wordsOf(index), this.regions[index]!);
  }

  /** All ranges by rising address. The view must be alive. */
  ranges(): FlatRange[] {
    return this.regions.map((_, index) => this.range(index));
  }

  /**
   * The dispatch in the text of QEMU's `info mtree -f -d`, from the line `  Dispatch` on. The view
   * must be alive.
   */
  dispatchText(): string[] {
    const names = new Map(this.regions.map((region) => [region.id, region.name]));
    return dumpDispatch(new AddressSpaceDispatch({ u32: this.#words }, this.dispatch), {
      name: (id) => names.get(id)!,
      isRoot: (id) => id === this.root?.id,
    });
  }
}
