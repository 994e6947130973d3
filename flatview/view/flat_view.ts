import { AddressSpaceDispatch, dumpDispatch } from "@guestmem/physmap";
import type { SharedMemory } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import { type FlatRange, readRange } from "../render/flat_range.ts";
import { RANGE } from "../render/range.ts";
import type { RangeRows } from "../render/range_rows.ts";
import { VIEW } from "./view_header.ts";

/**
 * A published view as the control context knows it: the block in shared memory, and the regions that
 * its ranges name, on each of which it holds a reference.
 */
export class FlatView {
  /** Offset of the view's block. */
  readonly offset: number;
  /** The physical root; null for the empty view. */
  readonly root: MemoryRegion | null;
  /**
   * @internal The root's own address when the view was rendered. It is added to all that the view
   * shows, so a view of a root that lies elsewhere now is of no use to a partial rendering.
   */
  readonly rootAddress: bigint;
  /** The region of each range. */
  readonly regions: readonly MemoryRegion[];
  /** @internal Address spaces that show it. */
  users = 0;
  readonly #u32: Uint32Array;

  /** @internal */
  constructor(
    memory: Pick<SharedMemory, "u32">,
    offset: number,
    root: MemoryRegion | null,
    regions: readonly MemoryRegion[],
  ) {
    this.#u32 = memory.u32;
    this.offset = offset;
    this.root = root;
    this.rootAddress = root?.addr ?? 0n;
    this.regions = regions;
  }

  /** Offset of the dispatch, which views that show the same share. */
  get dispatch(): number {
    return VIEW.dispatch.get(this.#u32, this.offset);
  }

  /** @internal Byte address of a range. */
  rangeAt(index: number): number {
    return this.offset + VIEW.size + index * RANGE.size;
  }

  /** One range. The view must be alive. */
  range(index: number): FlatRange {
    return readRange(this.#u32, this.rangeAt(index), this.regions[index]!);
  }

  /** @internal The last address of a range. */
  lastOf(index: number): bigint {
    return RANGE.last.getBig(this.#u32, this.rangeAt(index));
  }

  /**
   * @internal Index of the first range that does not end below the address; the number of ranges if all
   * do. The view must be alive.
   */
  firstReaching(address: bigint): number {
    let low = 0;
    let high = this.regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.lastOf(middle) >= address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** All ranges by rising address. The view must be alive. */
  ranges(): FlatRange[] {
    return this.regions.map((_, index) => this.range(index));
  }

  /** @internal Whether the view shows these ranges. The view must be alive. */
  shows(rows: RangeRows): boolean {
    return rows.equal(this.#u32, this.rangeAt(0), this.regions.length);
  }

  /**
   * The dispatch in the text of QEMU's `info mtree -f -d`, from the line `  Dispatch` on. The view
   * must be alive.
   */
  dispatchText(): string[] {
    const names = new Map(this.regions.map((region) => [region.id, region.name]));
    return dumpDispatch(new AddressSpaceDispatch({ u32: this.#u32 }, this.dispatch), {
      name: (id) => names.get(id)!,
      isRoot: (id) => id === this.root?.id,
    });
  }
}
