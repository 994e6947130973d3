import { type PhysMap, QemuDispatch, SECTION } from "@guestmem/physmap";
import type { SharedMemory } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import { type FlatRange, readRange } from "../render/flat_range.ts";
import type { NamedRegions } from "./named_regions.ts";
import { VIEW } from "./view_header.ts";

/** What a view's content is read with: one object for all views of a topology. */
export interface ViewContent extends Pick<SharedMemory, "u32"> {
  /** The sections of all views. */
  readonly map: PhysMap;
  /** The regions that they name. */
  readonly names: NamedRegions;
}

/** How a view came about: what it shows that its base did not, and the other way round. */
export interface ViewOrigin {
  /** The view that was current before. */
  readonly base: FlatView;
  /** The sections of the base that are gone, by rising address. */
  readonly removed: readonly number[];
  /** The sections of the view that are new, by rising address. */
  readonly added: readonly number[];
}

/**
 * A published view as the control context knows it. What it shows are the sections of its dispatch,
 * which it shares with other views as far as these show the same.
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
  /** @internal Address spaces that show it. */
  users = 0;
  /** @internal How it came about, while it is being published; then null. */
  origin: ViewOrigin | null = null;
  readonly #content: ViewContent;

  /** @internal */
  constructor(content: ViewContent, offset: number, root: MemoryRegion | null) {
    this.#content = content;
    this.offset = offset;
    this.root = root;
    this.rootAddress = root?.addr ?? 0n;
  }

  /** Offset of the dispatch, which views that show the same share. */
  get dispatch(): number {
    return VIEW.dispatch.get(this.#content.u32, this.offset);
  }

  /** The region of each range. The view must be alive. */
  get regions(): MemoryRegion[] {
    return this.sections().map((section) => this.regionOf(section));
  }

  /** All ranges by rising address. The view must be alive. */
  ranges(): FlatRange[] {
    return this.sections().map((section) => this.rangeOf(section));
  }

  /** @internal All sections by rising address. */
  sections(): number[] {
    return this.#content.map.sections(this.dispatch);
  }

  /** @internal The sections that have any of some addresses, both inclusive, by rising address. */
  sectionsIn(first: bigint, last: bigint): number[] {
    return this.#content.map.sections(this.dispatch, first, last);
  }

  /** @internal The region that a section names. */
  regionOf(section: number): MemoryRegion {
    const { u32, names } = this.#content;
    return names.get(SECTION.region.get(u32, section));
  }

  /** @internal A section as a range. */
  rangeOf(section: number): FlatRange {
    return readRange(this.#content.u32, section, this.regionOf(section));
  }

  /**
   * The dispatch in the text of QEMU's `info mtree -f -d`, from the line `  Dispatch` on: as QEMU
   * would have built it, which numbers its nodes and shares none. The view must be alive.
   *
   * @throws {PhysMapError} `TOO_MANY_SECTIONS` if QEMU would have aborted.
   */
  dispatchText(): string[] {
    const dispatch = new QemuDispatch(this.#content.map.pageBits);
    const names = new Map<number, string>();
    for (const { first, last, region } of this.ranges()) {
      dispatch.add(first, last, region.id);
      names.set(region.id, region.name);
    }
    return dispatch.print({
      name: (id) => names.get(id)!,
      isRoot: (id) => id === this.root?.id,
    });
  }
}
