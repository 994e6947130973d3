import { MapGenerations, PhysMapBuilder } from "@guestmem/physmap";
import { type Arena, ArenaExhaustedError, DeferredBudgetError } from "@guestmem/rcu";
import { editable } from "../region/edit.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { RANGE_WORDS, RangeList, RangeWord } from "../render/range_list.ts";
import { render } from "../render/render.ts";
import type { Span } from "../region/span.ts";
import { FlatView } from "./flat_view.ts";
import { VIEW_HEADER_BYTES, VIEW_MAGIC, ViewWord } from "./layout.ts";
import { renderPart } from "./render_part.ts";
import { RegionTable } from "./region_table.ts";
import { takeDead, tryRefView, unrefView } from "./view_refs.ts";

/** What a topology has done so far, and what lives now. */
export interface ViewStats {
  /** Renderings of a physical root. */
  readonly rendered: number;
  /** Views built; a rendering that shows what the root's view shows already builds none. */
  readonly built: number;
  /** Dispatches built; a view that shows what one of the latest shows has its dispatch. */
  readonly trees: number;
  /** Times that an address space was given a view that another one shows as well. */
  readonly shared: number;
  /** Views freed, their grace period over. */
  readonly freed: number;
  /** Views alive, held or waiting for their grace period, the empty one included. */
  readonly alive: number;
}

/** The memory in which views are published, and what defers their end. */
export interface Publication {
  /** The arena. */
  readonly arena: Arena;
  /** Its RCU domain. */
  readonly domain: {
    /** Runs a function in this context after a grace period. */
    callRcu(run: () => void): void;
    /** Blocks until what was queued has run. */
    barrier(): void;
  };
  /** Bits of a page of the dispatch: 12 unless given. */
  readonly pageBits?: number;
}

/** A dispatch in the arena, which views that show the same share. */
interface SharedDispatch {
  readonly offset: number;
  /** Views that are not freed. */
  views: number;
}

/** Views among the latest that a new one is compared with: equal ones come in rows. */
const RECENT = 4;

/** Builds views in the arena, shares them by physical root, and frees them after their grace period. */
export class ViewStore {
  /** The view of every address space in which nothing can be seen. */
  readonly empty: FlatView;
  /** What workers know of the regions that views name. */
  readonly regions: RegionTable;
  readonly #arena: Arena;
  readonly #domain: Publication["domain"];
  readonly #generations: MapGenerations;
  readonly #builder: PhysMapBuilder;
  readonly #list = new RangeList();
  /** The current view of each physical root that some address space shows. */
  readonly #byRoot = new Map<MemoryRegion, FlatView>();
  /** All views that are not freed, by offset. */
  readonly #alive = new Map<number, FlatView>();
  /** The dispatch of each view that is not freed. */
  readonly #dispatches = new Map<FlatView, SharedDispatch>();
  /** The views built last, the latest first. */
  #recent: FlatView[] = [];
  /** What waits to be handed to `callRcu`. */
  #retired: (() => void)[] = [];
  readonly #deadList: number;
  #rendered = 0;
  #built = 0;
  #trees = 0;
  #freed = 0;
  #dead = 0;
  #shared = 0;

  constructor({ arena, domain, pageBits = 12 }: Publication) {
    this.#arena = arena;
    this.#domain = domain;
    this.#builder = new PhysMapBuilder({ pageBits });
    this.#deadList = arena.allocate(4);
    this.#generations = MapGenerations.create(arena);
    this.#list.clear();
    this.regions = new RegionTable({
      arena,
      token: arena.token,
      retire: (run) => this.retire(run),
    });
    this.empty = this.#build(null);
  }

  get stats(): ViewStats {
    return {
      rendered: this.#rendered,
      built: this.#built,
      trees: this.#trees,
      shared: this.#shared,
      freed: this.#freed,
      alive: this.#alive.size,
    };
  }

  /** Views that no address space shows and that are not dead either: readers hold them. */
  get held(): number {
    return this.#alive.size - this.#dead - this.#byRoot.size - 1;
  }

  /** The current view of a physical root, if there is one. */
  current(root: MemoryRegion | null): FlatView | undefined {
    return root === null ? this.empty : this.#byRoot.get(root);
  }

  /**
   * Renders a physical root. Gives the current view if that shows the same, else builds a new one.
   * Either way the caller holds it, and has to `release` it.
   *
   * @param root The physical root.
   * @param changed The part of the root that may show something else than its current view; null if that is unknown.
   * @throws {ArenaExhaustedError} And the errors of rendering and of the map: nothing was built.
   */
  render(root: MemoryRegion, changed: Span | null): FlatView {
    this.#rendered++;
    const current = this.#byRoot.get(root);
    if (current === undefined || changed === null) render(root, this.#list);
    else renderPart(current, changed, this.#arena.u32, this.#list);
    if (current === undefined || !this.#shows(current)) return this.#build(root);
    this.hold(current);
    return current;
  }

  /** Holds a view for the length of a commit, so that it outlives address spaces that move away from it. */
  hold(view: FlatView): void {
    tryRefView(this.#arena, view.offset);
  }

  /** Ends a hold, or what a new view was built with. */
  release(view: FlatView): void {
    unrefView(this.#arena, view.offset);
  }

  /** An address space shows the view from now on; it is held by the caller. */
  attach(view: FlatView): void {
    this.hold(view);
    if (view.users++ > 0) this.#shared++;
    else if (view.root !== null) this.#byRoot.set(view.root, view);
  }

  /** An address space shows the view no more. */
  detach(view: FlatView): void {
    // A view that only holders keep is not brought up to date by commits: none may find it here.
    if (--view.users === 0 && view.root !== null && this.#byRoot.get(view.root) === view) {
      this.#byRoot.delete(view.root);
    }
    this.release(view);
  }

  /** Hands dead views to a grace period, whoever dropped their last reference. */
  reap(): void {
    const dead = takeDead(this.#arena, this.#deadList);
    for (const offset of dead) {
      const view = this.#alive.get(offset)!;
      this.#dead++;
      this.#retired.push(() => this.#free(view));
    }
    this.#flush();
  }

  /** Gives back the empty view and the store's own words, after a grace period. No view may be shown any more. */
  close(): void {
    this.release(this.empty);
    this.reap();
    this.regions.close();
    this.retire(() => {
      this.#arena.free(this.#deadList);
      this.#arena.free(this.#generations.offset);
    });
  }

  /** Runs a function after a grace period. */
  retire(run: () => void): void {
    this.#retired.push(run);
    this.#flush();
  }

  /** One grace period for all that was retired. If the domain's budget is full it waits for a later flush. */
  #flush(): void {
    if (this.#retired.length === 0) return;
    const batch = this.#retired;
    this.#retired = [];
    try {
      this.#domain.callRcu(() => runAll(batch));
    } catch (error) {
      // What is published is published: the batch must not be lost, and the next one takes it along.
      this.#retired = batch;
      if (!(error instanceof DeferredBudgetError)) throw error;
    }
  }

  #shows(view: FlatView): boolean {
    const { rows, rowCount } = this.#list;
    if (view.regions.length !== rowCount) return false;
    const words = this.#arena.u32;
    const base = view.wordsOf(0);
    for (let i = 0; i < rowCount * RANGE_WORDS; i++) if (words[base + i] !== rows[i]) return false;
    return true;
  }

  /** Builds the view of what the list holds. */
  #build(root: MemoryRegion | null): FlatView {
    const { rows, rowCount } = this.#list;
    const arena = this.#arena;
    const regions = this.#list.rowRegions();
    // A record that is provided in vain stays for the next view, or until its region's end.
    this.#withRoom(() => {
      for (const region of regions) this.regions.provide(region);
    });
    // The block first: if there is no room for the dispatch, it is all there is to take back.
    const bytes = VIEW_HEADER_BYTES + rowCount * RANGE_WORDS * 4;
    const offset = this.#withRoom(() => arena.allocate(bytes, 16, false));
    let dispatch: SharedDispatch;
    try {
      dispatch = this.#dispatchOfList();
    } catch (error) {
      arena.free(offset);
      throw error;
    }
    dispatch.views++;
    const at = offset >>> 2;
    arena.u32.fill(0, at, at + VIEW_HEADER_BYTES / 4);
    arena.u32[at + ViewWord.MAGIC] = VIEW_MAGIC;
    arena.u32[at + ViewWord.REFS] = 1;
    arena.u32[at + ViewWord.DISPATCH] = dispatch.offset;
    arena.u32[at + ViewWord.RANGES] = rowCount;
    arena.u32[at + ViewWord.ROOT] = root?.id ?? 0;
    arena.u32[at + ViewWord.DEAD_LIST] = this.#deadList;
    arena.u32.set(rows.subarray(0, rowCount * RANGE_WORDS), (offset + VIEW_HEADER_BYTES) >>> 2);
    const view = new FlatView(arena, offset, root, regions);
    for (const region of view.regions) editable(region).refs++;
    this.#alive.set(offset, view);
    this.#dispatches.set(view, dispatch);
    this.#recent = [view, ...this.#recent.slice(0, RECENT - 1)];
    this.#built++;
    return view;
  }

  /** The dispatch of what the list holds: that of a view that shows the same, or a new one. */
  #dispatchOfList(): SharedDispatch {
    const like = this.#recent.find((view) => this.#shows(view));
    if (like !== undefined) return this.#dispatches.get(like)!;
    const dispatch = { offset: this.#buildDispatch(), views: 0 };
    this.#trees++;
    return dispatch;
  }

  #buildDispatch(): number {
    const { rows, rowCount } = this.#list;
    const builder = this.#builder;
    builder.reset();
    for (let i = 0; i < rowCount; i++) {
      const at = i * RANGE_WORDS;
      builder.addHalves(
        rows[at + RangeWord.FIRST_HI]! | 0,
        rows[at + RangeWord.FIRST_LO]! | 0,
        rows[at + RangeWord.LAST_HI]! | 0,
        rows[at + RangeWord.LAST_LO]! | 0,
        rows[at + RangeWord.OFFSET_HI]! | 0,
        rows[at + RangeWord.OFFSET_LO]! | 0,
        rows[at + RangeWord.REGION]!,
        rows[at + RangeWord.FLAGS]!,
      );
    }
    return this.#withRoom(() => builder.finish(this.#arena, this.#generations.next()));
  }

  /** Allocates; if the arena is full of views that only await their grace period, waits for that and tries again. */
  #withRoom<T>(allocate: () => T): T {
    try {
      return allocate();
    } catch (error) {
      if (!(error instanceof ArenaExhaustedError) || this.#alive.size === this.#byRoot.size + 1) {
        throw error;
      }
      try {
        this.#domain.barrier();
      } catch {
        // Inside a section, or where blocking is forbidden: there is no room.
        throw error;
      }
      return allocate();
    }
  }

  /** The end of a view: its dispatch, its block, and its references to regions, which may be their last. */
  #free(view: FlatView): void {
    const dispatch = this.#dispatches.get(view)!;
    if (--dispatch.views === 0) this.#arena.free(dispatch.offset);
    this.#arena.free(view.offset);
    this.#alive.delete(view.offset);
    this.#dispatches.delete(view);
    this.#recent = this.#recent.filter((recent) => recent !== view);
    this.#freed++;
    this.#dead--;
    for (const region of view.regions) region.unref();
  }
}

/** Runs all, whatever one of them throws; then throws that. */
function runAll(batch: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const run of batch) {
    try {
      run();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, "What was retired failed");
}
