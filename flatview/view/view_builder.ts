import { MapGenerations, PhysMap, SECTION } from "@guestmem/physmap";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { RangeChange } from "../render/range_change.ts";
import type { RangeRows } from "../render/range_rows.ts";
import { FlatView, type ViewContent } from "./flat_view.ts";
import { NamedRegions } from "./named_regions.ts";
import type { RegionTable } from "./region_table.ts";
import { DEAD_LIST, VIEW, VIEW_MAGIC } from "./view_header.ts";
import type { ViewMemory } from "./view_memory.ts";

/** How many of the latest dispatches a new view may share. */
const RECENT = 8;

/** What views are built with. */
export interface ViewBuilderOptions {
  /** Where they lie. */
  readonly memory: ViewMemory;
  /** The records of the regions that they name. */
  readonly regions: RegionTable;
  /** Bits of a page of the dispatch. */
  readonly pageBits: number;
  /** Runs an allocation, and once more if waiting has made room. */
  withRoom<T>(allocate: () => T): T;
}

/** A dispatch in the arena, which views that show the same share. */
interface SharedDispatch {
  /** Never the same for two of them, whereas offsets are used again. */
  readonly id: number;
  readonly offset: number;
  /** Views that are not freed. */
  views: number;
  /** The id of the dispatch of which it was made; 0 for none. */
  readonly base: number;
  /** The sections of the base that it has no longer. */
  readonly removed: readonly number[];
  /** The sections that the base did not have. */
  readonly added: readonly number[];
}

/** Builds the blocks of views and of their dispatches, and frees them. */
export class ViewBuilder {
  /** What the views show. */
  readonly content: ViewContent;
  readonly #options: ViewBuilderOptions;
  readonly #memory: ViewMemory;
  readonly #generations: MapGenerations;
  readonly #map: PhysMap;
  readonly #names = new NamedRegions();
  /** Offset of the list of dead views. */
  readonly deadList: number;
  /** The dispatch of each view that is not freed. */
  readonly #dispatches = new Map<FlatView, SharedDispatch>();
  /** The dispatches made last that are not freed, the latest first. */
  #recent: SharedDispatch[] = [];
  #views = 0;
  #dispatchesBuilt = 0;

  /** @throws {ArenaExhaustedError} If there is no room for the words that all views share. */
  constructor(options: ViewBuilderOptions) {
    const { memory, pageBits } = options;
    this.#options = options;
    this.#memory = memory;
    this.deadList = memory.allocate(DEAD_LIST.size);
    try {
      this.#generations = MapGenerations.create(memory);
    } catch (error) {
      memory.free(this.deadList);
      throw error;
    }
    this.#map = new PhysMap(memory, this.#generations, {
      pageBits,
      onName: () => this.#names.add(),
      onFree: (region) => this.#names.drop(region),
    });
    this.content = { u32: memory.u32, map: this.#map, names: this.#names };
  }

  /** Views built so far. */
  get views(): number {
    return this.#views;
  }

  /** Dispatches built so far. */
  get dispatches(): number {
    return this.#dispatchesBuilt;
  }

  /** Nodes and sections of all dispatches. */
  get live(): PhysMap["live"] {
    return this.#map.live;
  }

  /**
   * Builds a view, which the caller holds.
   *
   * @param root The physical root; null for the empty view.
   * @param base The view that it is made of; null for none.
   * @param change In what it differs from that: all that it shows, if there is none.
   * @throws {ArenaExhaustedError} Nothing was built.
   */
  build(root: MemoryRegion | null, base: FlatView | null, change: RangeChange): FlatView {
    const { regions: records, withRoom } = this.#options;
    const memory = this.#memory;
    const { added } = change;
    // If a later step fails, the records stay for the next view, or until their regions are finalised.
    for (let row = 0; row < added.count; row++) {
      const region = added.region(row);
      if (!records.has(region)) withRoom(() => records.provide(region));
    }
    // The block comes first: if there is no room for the dispatch, only the block has to be freed.
    const offset = withRoom(() => memory.allocate(VIEW.size, VIEW.alignment));
    let dispatch: SharedDispatch;
    try {
      dispatch = this.#dispatchOf(base && this.#dispatches.get(base)!, change);
    } catch (error) {
      memory.free(offset);
      throw error;
    }
    dispatch.views++;
    this.#fill(offset, root, dispatch.offset);
    const view = new FlatView(this.content, offset, root);
    const { removed, added: sections } = dispatch;
    if (base !== null) view.origin = { base, removed, added: sections };
    this.#dispatches.set(view, dispatch);
    this.#views++;
    return view;
  }

  /** Builds a view that shows what another one shows. The caller holds it. */
  buildAlike(root: MemoryRegion, like: FlatView): FlatView {
    const offset = this.#options.withRoom(() => this.#memory.allocate(VIEW.size, VIEW.alignment));
    const dispatch = this.#dispatches.get(like)!;
    dispatch.views++;
    this.#fill(offset, root, dispatch.offset);
    const view = new FlatView(this.content, offset, root);
    this.#dispatches.set(view, dispatch);
    this.#views++;
    return view;
  }

  /** Frees a view: its block, and of its dispatch what no other shares. That may drop regions' last references. */
  free(view: FlatView): void {
    const dispatch = this.#dispatches.get(view)!;
    this.#dispatches.delete(view);
    this.#memory.free(view.offset);
    if (--dispatch.views > 0) return;
    this.#recent = this.#recent.filter((recent) => recent !== dispatch);
    this.#map.free(dispatch.offset);
  }

  /** Frees the words that all views share. No view may be left. */
  close(): void {
    this.#memory.free(this.deadList);
    this.#memory.free(this.#generations.offset);
  }

  #fill(offset: number, root: MemoryRegion | null, dispatch: number): void {
    const { u32 } = this.#memory;
    VIEW.magic.set(u32, offset, VIEW_MAGIC);
    VIEW.refs.set(u32, offset, 1);
    VIEW.dispatch.set(u32, offset, dispatch);
    VIEW.root.set(u32, offset, root?.id ?? 0);
    VIEW.deadList.set(u32, offset, this.deadList);
  }

  /** The dispatch that a change of another one makes: one that was made by the same, or a new one. */
  #dispatchOf(base: SharedDispatch | null, change: RangeChange): SharedDispatch {
    const id = base?.id ?? 0;
    const like = this.#recent.find((recent) =>
      recent.base === id && isSameChange(recent, change, this.#memory.u32)
    );
    if (like !== undefined) return like;
    const dispatch = this.#options.withRoom(() => this.#edit(base, change));
    this.#recent = [dispatch, ...this.#recent.slice(0, RECENT - 1)];
    return dispatch;
  }

  #edit(base: SharedDispatch | null, change: RangeChange): SharedDispatch {
    const { u32 } = this.#memory;
    const { removed, runs, added } = change;
    const edit = this.#map.edit(base?.offset);
    const { first, last } = SECTION;
    try {
      runs.forEach((start, index) => {
        const from = removed[start]!;
        const to = removed[(runs[index + 1] ?? removed.length) - 1]!;
        edit.unmapHalves(
          first.high(u32, from),
          first.low(u32, from),
          last.high(u32, to),
          last.low(u32, to),
        );
      });
      const sections: number[] = [];
      for (let row = 0; row < added.count; row++) {
        this.#names.next = added.region(row);
        sections.push(mapRow(edit, added, row));
      }
      const offset = edit.finish();
      const id = ++this.#dispatchesBuilt;
      return { id, offset, views: 0, base: base?.id ?? 0, removed: [...removed], added: sections };
    } finally {
      edit.discard();
      this.#names.next = null;
    }
  }
}

/** Maps one range; its section. */
function mapRow(edit: ReturnType<PhysMap["edit"]>, { u32 }: RangeRows, row: number): number {
  const base = row * SECTION.size;
  return edit.mapUnassigned(
    SECTION.first.high(u32, base) | 0,
    SECTION.first.low(u32, base) | 0,
    SECTION.last.high(u32, base) | 0,
    SECTION.last.low(u32, base) | 0,
    SECTION.offset.high(u32, base) | 0,
    SECTION.offset.low(u32, base) | 0,
    SECTION.region.get(u32, base),
    SECTION.flags.get(u32, base),
  );
}

/** Whether a dispatch was made by a change. Its sections are alive as long as the dispatch is. */
function isSameChange(
  dispatch: SharedDispatch,
  { removed, added }: RangeChange,
  u32: Uint32Array,
): boolean {
  if (dispatch.removed.length !== removed.length || dispatch.added.length !== added.count) {
    return false;
  }
  return removed.every((section, index) => section === dispatch.removed[index]) &&
    dispatch.added.every((section, row) => added.equals(row, u32, section));
}
