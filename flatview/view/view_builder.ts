import { MapGenerations, PhysMapBuilder } from "@guestmem/physmap";
import type { MemoryRegion } from "../region/memory_region.ts";
import { RANGE } from "../render/range.ts";
import type { RangeRows } from "../render/range_rows.ts";
import { FlatView } from "./flat_view.ts";
import type { RegionTable } from "./region_table.ts";
import { DEAD_LIST, VIEW, VIEW_MAGIC } from "./view_header.ts";
import type { ViewMemory } from "./view_memory.ts";

/** How many of the latest views a new one is compared with: equal ones are built one after the other. */
const RECENT = 4;

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
  readonly offset: number;
  /** Views that are not freed. */
  views: number;
}

/** Builds the blocks of views and of their dispatches, and frees them. */
export class ViewBuilder {
  readonly #options: ViewBuilderOptions;
  readonly #memory: ViewMemory;
  readonly #generations: MapGenerations;
  readonly #map: PhysMapBuilder;
  /** Offset of the list of dead views. */
  readonly deadList: number;
  /** The dispatch of each view that is not freed. */
  readonly #dispatches = new Map<FlatView, SharedDispatch>();
  /** The views built last, the latest first. */
  #recent: FlatView[] = [];
  #views = 0;
  #dispatchesBuilt = 0;

  /** @throws {ArenaExhaustedError} If there is no room for the words that all views share. */
  constructor(options: ViewBuilderOptions) {
    this.#options = options;
    this.#memory = options.memory;
    this.#map = new PhysMapBuilder({ pageBits: options.pageBits });
    this.deadList = options.memory.allocate(DEAD_LIST.size);
    this.#generations = MapGenerations.create(options.memory);
  }

  /** Views built so far. */
  get views(): number {
    return this.#views;
  }

  /** Dispatches built so far. */
  get dispatches(): number {
    return this.#dispatchesBuilt;
  }

  /**
   * Builds a view, which the caller holds.
   *
   * @param root The physical root; null for the empty view.
   * @param rows What the view shows.
   * @throws {ArenaExhaustedError} And the errors of the map: nothing was built.
   */
  build(root: MemoryRegion | null, rows: RangeRows): FlatView {
    const { regions: records, withRoom } = this.#options;
    const memory = this.#memory;
    const regions = rows.regions();
    // If a later step fails, the records stay for the next view, or until their regions are finalised.
    withRoom(() => regions.forEach((region) => records.provide(region)));
    // The block comes first: if there is no room for the dispatch, only the block has to be freed.
    const bytes = VIEW.size + rows.count * RANGE.size;
    const offset = withRoom(() => memory.allocate(bytes, VIEW.alignment, false));
    let dispatch: SharedDispatch;
    try {
      dispatch = this.#dispatchOf(rows);
    } catch (error) {
      memory.free(offset);
      throw error;
    }
    dispatch.views++;
    this.#fill(offset, root, dispatch.offset, rows);
    const view = new FlatView(memory, offset, root, regions);
    for (const region of regions) region.ref();
    this.#dispatches.set(view, dispatch);
    this.#recent = [view, ...this.#recent.slice(0, RECENT - 1)];
    this.#views++;
    return view;
  }

  /** Frees a view: its dispatch, its block, and its references to regions, which may be their last. */
  free(view: FlatView): void {
    const dispatch = this.#dispatches.get(view)!;
    if (--dispatch.views === 0) this.#memory.free(dispatch.offset);
    this.#memory.free(view.offset);
    this.#dispatches.delete(view);
    this.#recent = this.#recent.filter((recent) => recent !== view);
    for (const region of view.regions) region.unref();
  }

  /** Frees the words that all views share. No view may be left. */
  close(): void {
    this.#memory.free(this.deadList);
    this.#memory.free(this.#generations.offset);
  }

  #fill(offset: number, root: MemoryRegion | null, dispatch: number, rows: RangeRows): void {
    const { u32 } = this.#memory;
    VIEW.magic.set(u32, offset, VIEW_MAGIC);
    VIEW.refs.set(u32, offset, 1);
    VIEW.dispatch.set(u32, offset, dispatch);
    VIEW.ranges.set(u32, offset, rows.count);
    VIEW.nextDead.set(u32, offset, 0);
    VIEW.root.set(u32, offset, root?.id ?? 0);
    VIEW.deadList.set(u32, offset, this.deadList);
    rows.writeTo(u32, offset + VIEW.size);
  }

  /** The dispatch of these ranges: that of a view that shows the same, or a new one. */
  #dispatchOf(rows: RangeRows): SharedDispatch {
    const like = this.#recent.find((view) => view.shows(rows));
    if (like !== undefined) return this.#dispatches.get(like)!;
    const dispatch = { offset: this.#buildDispatch(rows), views: 0 };
    this.#dispatchesBuilt++;
    return dispatch;
  }

  #buildDispatch({ u32, count }: RangeRows): number {
    const map = this.#map;
    map.reset();
    for (let base = 0; base < count * RANGE.size; base += RANGE.size) {
      map.addHalves(
        RANGE.first.high(u32, base) | 0,
        RANGE.first.low(u32, base) | 0,
        RANGE.last.high(u32, base) | 0,
        RANGE.last.low(u32, base) | 0,
        RANGE.offset.high(u32, base) | 0,
        RANGE.offset.low(u32, base) | 0,
        RANGE.region.get(u32, base),
        RANGE.flags.get(u32, base),
      );
    }
    return this.#options.withRoom(() => map.finish(this.#memory, this.#generations.next()));
  }
}
