import { ArenaExhaustedError } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { Spans } from "../region/span.ts";
import { RangeChange } from "../render/range_change.ts";
import { RangeList } from "../render/range_list.ts";
import { render } from "../render/render.ts";
import type { FlatView } from "./flat_view.ts";
import { RegionTable } from "./region_table.ts";
import { renderChange } from "./render_change.ts";
import { Retirement } from "./retirement.ts";
import { ViewBuilder } from "./view_builder.ts";
import type { ViewMemory, ViewReclaimer } from "./view_memory.ts";
import { takeDead, tryRefView, unrefView } from "./view_refs.ts";

/** How many of the latest views a new one is compared with: similar ones are built one after the other. */
const RECENT = 4;

/** The published views: shared by physical root, and freed after their grace period. */
export class ViewStore {
  /** The view of every address space in which nothing can be seen. */
  readonly empty: FlatView;
  /** What workers know of the regions that views name. */
  readonly regions: RegionTable;
  readonly #memory: ViewMemory;
  readonly #reclaimer: ViewReclaimer;
  readonly #retirement: Retirement;
  readonly #builder: ViewBuilder;
  readonly #list = new RangeList();
  readonly #change: RangeChange;
  /** The current view of each physical root that some address space shows. */
  readonly #byRoot = new Map<MemoryRegion, FlatView>();
  /** All views that are not freed, by offset. */
  readonly #alive = new Map<number, FlatView>();
  /** The views built last that are not freed, the latest first. */
  #recent: readonly FlatView[] = [];
  #rendered = 0;
  #freed = 0;
  #dead = 0;
  #shared = 0;

  /**
   * Builds the empty view.
   *
   * @param memory Where views lie.
   * @param reclaimer What defers their end.
   * @param pageBits Bits of a page of the dispatch.
   * @throws {ArenaExhaustedError} If there is no room.
   */
  constructor(memory: ViewMemory, reclaimer: ViewReclaimer, pageBits: number) {
    this.#memory = memory;
    this.#reclaimer = reclaimer;
    this.#retirement = new Retirement(reclaimer);
    this.#change = new RangeChange(memory.u32);
    const withRoom = <T>(allocate: () => T): T => this.#withRoom(allocate);
    const regions = this.regions = new RegionTable(memory, (run) => this.#retirement.retire(run));
    try {
      this.#builder = new ViewBuilder({ memory, regions, pageBits, withRoom });
    } catch (error) {
      regions.close();
      throw error;
    }
    try {
      this.empty = this.#keep(this.#builder.build(null, null, this.#change));
    } catch (error) {
      this.#builder.close();
      regions.close();
      throw error;
    }
  }

  /** What was done so far, and what lives. */
  get stats(): Record<
    "rendered" | "built" | "dispatches" | "shared" | "freed" | "alive" | "sections" | "nodes",
    number
  > {
    return {
      rendered: this.#rendered,
      built: this.#builder.views,
      dispatches: this.#builder.dispatches,
      shared: this.#shared,
      freed: this.#freed,
      alive: this.#alive.size,
      ...this.#builder.live,
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
   * @param changed The parts of the root that may show something else than its current view; null if that is unknown.
   * @throws {ArenaExhaustedError} And the errors of rendering: nothing was built.
   */
  render(root: MemoryRegion, changed: Spans | null): FlatView {
    this.#rendered++;
    const current = this.#byRoot.get(root);
    if (current === undefined || changed === null) return this.#renderAll(root, current);
    renderChange(current, changed, this.#memory.u32, this.#list, this.#change);
    if (this.#change.size > 0) return this.#keep(this.#builder.build(root, current, this.#change));
    this.hold(current);
    return current;
  }

  /**
   * Renders all of a root, and makes its view of the one that is most like it: its current one or one of
   * the latest; of none, if building is cheaper.
   */
  #renderAll(root: MemoryRegion, current: FlatView | undefined): FlatView {
    render(root, this.#list);
    const { rows } = this.#list;
    let best: FlatView | null = null;
    let least = rows.count;
    for (const view of current === undefined ? this.#recent : [current, ...this.#recent]) {
      this.#change.replaceAll(view.sections(), rows);
      if (this.#change.size >= least) continue;
      least = this.#change.size;
      best = view;
      if (least === 0) break;
    }
    if (least === 0 && best === current && current !== undefined) {
      this.hold(current);
      return current;
    }
    if (least === 0 && best !== null) return this.#keep(this.#builder.buildAlike(root, best));
    this.#change.replaceAll(best?.sections() ?? [], rows);
    return this.#keep(this.#builder.build(root, best, this.#change));
  }

  /** Holds a view for the length of a commit, so that it outlives address spaces that move away from it. */
  hold(view: FlatView): void {
    tryRefView(this.#memory, view.offset);
  }

  /** Ends a hold, or what a new view was built with. */
  release(view: FlatView): void {
    unrefView(this.#memory, view.offset);
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
    for (const offset of takeDead(this.#memory, this.#builder.deadList)) {
      const view = this.#alive.get(offset)!;
      this.#dead++;
      this.#retirement.add(() => this.#free(view));
    }
    this.#retirement.flush();
  }

  /** Gives back the empty view and the store's own words, after a grace period. No view may be shown any more. */
  close(): void {
    this.release(this.empty);
    this.reap();
    this.regions.close();
    this.retire(() => this.#builder.close());
  }

  /** Runs a function after a grace period. */
  retire(run: () => void): void {
    this.#retirement.retire(run);
  }

  /** Remembers a view that was built. */
  #keep(view: FlatView): FlatView {
    this.#alive.set(view.offset, view);
    this.#recent = [view, ...this.#recent.slice(0, RECENT - 1)];
    return view;
  }

  #free(view: FlatView): void {
    this.#alive.delete(view.offset);
    this.#recent = this.#recent.filter((recent) => recent !== view);
    this.#freed++;
    this.#dead--;
    this.#builder.free(view);
  }

  /** Allocates; if the memory is full of views that only await their grace period, waits for that and tries again. */
  #withRoom<T>(allocate: () => T): T {
    try {
      return allocate();
    } catch (error) {
      if (!(error instanceof ArenaExhaustedError) || this.#alive.size === this.#byRoot.size + 1) {
        throw error;
      }
      try {
        this.#reclaimer.barrier();
      } catch {
        // Inside a section, or where blocking is forbidden: there is no room.
        throw error;
      }
      return allocate();
    }
  }
}
