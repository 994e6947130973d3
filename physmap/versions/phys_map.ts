/**
 * The versions of a map, which share what they have in common.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { highHalf, lowHalf, MAX_ADDRESS } from "../address/halves.ts";
import { MAX_PAGE_BITS, MIN_PAGE_BITS } from "../address/range_checks.ts";
import { PhysMapError } from "../errors/physmap_error.ts";
import { DISPATCH, MAGIC, NO_REGION, SECTION } from "../kernel/layouts.ts";
import type { MapGenerations } from "./map_generations.ts";
import { MapTree } from "./map_tree.ts";
import { PhysMapEdit } from "./phys_map_edit.ts";

/**
 * A map of the address space, in versions. A version is known by its dispatch, an offset in the arena;
 * it never changes. A new one is made by editing another, and costs what the two differ in: they share
 * all nodes and sections but those on the way from the root to what changed.
 *
 * One context makes and frees versions. Any worker looks up addresses, with a `PhysMapReader`.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { MapGenerations, PhysMap, PhysMapReader } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const map = new PhysMap(arena, MapGenerations.create(arena), { pageBits: 12 });
 *
 * const edit = map.edit();
 * edit.map(0, 0x9ffff, 0, 1); // 640 KiB of region 1
 * edit.map(0xfee0_0000, 0xfee0_0fff, 0, 2);
 * const before = edit.finish();
 *
 * const next = map.edit(before); // the guest moves region 2
 * next.unmap(0xfee0_0000, 0xfee0_0fff);
 * next.map(0xfed0_0000, 0xfed0_0fff, 0, 2);
 * const after = next.finish();
 *
 * const reader = new PhysMapReader(arena); // in any worker
 * const regionAt = (version: number, address: number) =>
 *   reader.region(reader.section(version, address));
 * assert(regionAt(before, 0xfee0_0030) === 2 && regionAt(before, 0xfed0_0030) === 0);
 * assert(regionAt(after, 0xfee0_0030) === 0 && regionAt(after, 0xfed0_0030) === 2);
 * map.free(before); // once no reader can be looking up addresses in it
 * ```
 */
export class PhysMap {
  /** log2 of the page size. */
  readonly pageBits: number;
  readonly #memory: BlockAllocator;
  readonly #generations: MapGenerations;
  readonly #tree: MapTree;
  readonly #doubles: Float64Array;
  readonly #onName: ((region: number) => void) | undefined;
  readonly #onFree: ((region: number) => void) | undefined;
  /** The regions of sections that were freed, and that nobody was told yet. */
  readonly #freed: number[] = [];
  #isEditing = false;

  /**
   * A map without versions.
   *
   * @param memory The arena.
   * @param generations The arena's counter.
   * @param options log2 of the page size, 8 (256 bytes) to 16 (64 KiB): lookups may ask for what has a
   * whole page. `onName` and `onFree` are called with the region of each section that is made and
   * freed, so that the caller can keep the region for as long as a section names it. Sections that
   * versions share are made and freed once. `onFree` may use the map, `onName` must not.
   * @throws {RangeError} If the page size is not supported.
   */
  constructor(memory: BlockAllocator, generations: MapGenerations, options: {
    readonly pageBits: number;
    readonly onName?: (region: number) => void;
    readonly onFree?: (region: number) => void;
  }) {
    const { pageBits, onName, onFree } = options;
    if (!Number.isInteger(pageBits) || pageBits < MIN_PAGE_BITS || pageBits > MAX_PAGE_BITS) {
      throw new RangeError(
        `Cannot create a map over pages of 2^${pageBits} bytes: pageBits must be from ` +
          `${MIN_PAGE_BITS} to ${MAX_PAGE_BITS}`,
      );
    }
    this.pageBits = pageBits;
    this.#memory = memory;
    this.#generations = generations;
    this.#doubles = new Float64Array(memory.u32.buffer);
    this.#tree = new MapTree(memory, (region) => this.#freed.push(region));
    this.#onName = onName;
    this.#onFree = onFree;
  }

  /** How many nodes and sections there are in all versions together, those of an open edit included. */
  get live(): { readonly nodes: number; readonly sections: number } {
    return { nodes: this.#tree.cells.nodes.live, sections: this.#tree.cells.sections.live };
  }

  /**
   * Begins a version. One at a time: it is finished or discarded before the next begins.
   *
   * @param base The version that it begins with; one in which nothing is assigned unless given.
   * @returns The edit.
   * @throws {PhysMapError} NOT_A_DISPATCH if no version lies at that offset; EDIT_STATE if another
   * edit is open.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  edit(base?: number): PhysMapEdit {
    if (this.#isEditing) {
      throw new PhysMapError("EDIT_STATE", { action: "begin a version", state: "editing" });
    }
    const root = base === undefined ? 0 : this.#root(base);
    const { u32 } = this.#memory;
    const dispatch = this.#memory.allocate(DISPATCH.size, DISPATCH.alignment);
    if (root !== 0) this.#tree.cells.share(root, DISPATCH.root.index(dispatch));
    this.#isEditing = true;
    return new PhysMapEdit({
      u32,
      tree: this.#tree,
      named: (region) => this.#onName?.(region),
      finished: () => {
        this.#complete(dispatch);
        this.#endEdit();
      },
      discarded: () => {
        this.#release(dispatch);
        this.#endEdit();
      },
    }, dispatch);
  }

  /**
   * Frees a version and what it shares with no other. Readers must not use it any longer.
   *
   * @param dispatch The version.
   * @throws {PhysMapError} NOT_A_DISPATCH if no version lies at that offset. Nothing has changed.
   */
  free(dispatch: number): void {
    this.#root(dispatch);
    this.#release(dispatch);
    if (!this.#isEditing) this.#tellFreed();
  }

  /**
   * Lists the sections that have any of some addresses.
   *
   * @param dispatch The version.
   * @param first First address.
   * @param last Last address, inclusive.
   * @returns The sections by rising address; valid until the version is freed.
   * @throws {PhysMapError} NOT_A_DISPATCH if no version lies at that offset; INVALID_ADDRESS.
   */
  sections(
    dispatch: number,
    first: number | bigint = 0,
    last: number | bigint = MAX_ADDRESS,
  ): number[] {
    const root = this.#root(dispatch);
    const [fh, fl, lh, ll] = [highHalf(first), lowHalf(first), highHalf(last), lowHalf(last)];
    return this.#tree.search.list(root, fh, fl, lh, ll);
  }

  /** The root entry of a version. */
  #root(dispatch: number): number {
    const { u32, i32 } = this.#memory;
    const isAligned = (dispatch & (DISPATCH.alignment - 1)) === 0;
    if (!isAligned || DISPATCH.magic.get(u32, dispatch) !== MAGIC) {
      throw new PhysMapError("NOT_A_DISPATCH", { offset: dispatch });
    }
    return i32[DISPATCH.root.index(dispatch)]!;
  }

  #complete(dispatch: number): void {
    const { u32 } = this.#memory;
    DISPATCH.generation.set(this.#doubles, dispatch, this.#generations.next());
    DISPATCH.pageBits.set(u32, dispatch, this.pageBits);
    const unassigned = DISPATCH.unassigned.at(dispatch);
    SECTION.last.setHalves(u32, unassigned, -1, -1);
    SECTION.region.set(u32, unassigned, NO_REGION);
    DISPATCH.magic.set(u32, dispatch, MAGIC);
  }

  #endEdit(): void {
    this.#tree.cells.settle();
    this.#isEditing = false;
    this.#tellFreed();
  }

  #release(dispatch: number): void {
    // Should somebody still look here: neither a dispatch, nor the one of an MRU section.
    DISPATCH.magic.set(this.#memory.u32, dispatch, 0);
    DISPATCH.generation.set(this.#doubles, dispatch, 0);
    this.#tree.cells.release(this.#memory.i32[DISPATCH.root.index(dispatch)]!);
    this.#memory.free(dispatch);
  }

  /** Reports the freed sections only now, when the tree is whole: what is called may use the map. */
  #tellFreed(): void {
    for (let region = this.#freed.pop(); region !== undefined; region = this.#freed.pop()) {
      this.#onFree?.(region);
    }
  }
}
