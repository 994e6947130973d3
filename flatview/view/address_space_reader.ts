import { NO_REGION, PhysMapReader, SECTION } from "@guestmem/physmap";
import { RcuPointer, type ReadGuard, type SharedMemory } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { AddressSpaceHandle } from "./address_space.ts";
import { VIEW } from "./view_header.ts";
import type { ReaderMemory } from "./view_memory.ts";
import { tryRefView, unrefView } from "./view_refs.ts";

/** The region id of addresses that nothing answers. */
export const UNASSIGNED: number = NO_REGION;

/**
 * An address space as a reader in any worker sees it. All lookups in one view see one version of the
 * map, whatever is committed in the meantime.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { AddressSpaceReader, Topology } from "@guestmem/flatview";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const topology = new Topology({ arena, domain });
 * const system = topology.initContainer("system", 2n ** 64n);
 * const uart = topology.initIo("uart", 8, {});
 * const memory = topology.createAddressSpace("memory", system);
 * system.addSubregion(0x1000_0000, uart);
 *
 * // In any worker that was posted the handles:
 * const reader = domain.register();
 * const space = AddressSpaceReader.attach(arena, memory.handle);
 * const guard = reader.lock();
 * const row = space.lookup(guard, 0x1000_0005);
 * assertEquals(space.region(row), uart.id);
 * assertEquals(space.offset(row, 0x1000_0005), 5);
 * guard.unlock();
 * ```
 */
export class AddressSpaceReader {
  /** Name of the address space. */
  readonly name: string;
  /** The handle that it was attached with. */
  readonly handle: AddressSpaceHandle;
  readonly #memory: ReaderMemory;
  readonly #u32: Uint32Array;
  readonly #cell: RcuPointer;
  readonly #map: PhysMapReader;

  private constructor(memory: ReaderMemory, handle: AddressSpaceHandle) {
    this.name = handle.name;
    this.handle = handle;
    this.#memory = memory;
    this.#u32 = memory.u32;
    this.#cell = RcuPointer.attach(memory, handle.cell);
    this.#map = new PhysMapReader(memory);
  }

  /**
   * Attaches to an address space.
   *
   * @param memory The arena, as this context attached to it.
   * @param handle The address space's handle, of an address space that is not destroyed.
   * @throws {FlatViewError} `FOREIGN_ADDRESS_SPACE` if it is not a handle, or one of another arena.
   */
  static attach(
    memory: SharedMemory & { readonly handle: { readonly id: string } },
    handle: AddressSpaceHandle,
  ): AddressSpaceReader {
    const arena = memory.handle.id;
    if (handle?.kind !== "guestmem-address-space" || handle.arena !== arena) {
      throw new FlatViewError("FOREIGN_ADDRESS_SPACE", { arena });
    }
    return new AddressSpaceReader(memory, handle);
  }

  /**
   * The view that is published now.
   *
   * @param guard An open read-side section of the domain that the topology publishes with.
   * @returns Offset of the view, good until the section ends.
   */
  view(guard: ReadGuard): number {
    return this.#cell.dereference(guard);
  }

  /**
   * Finds what an address shows in the view that is published now.
   *
   * @param guard An open read-side section.
   * @param address The address; a number up to 2^53 - 1, or a bigint up to 2^64 - 1.
   * @returns The section of the dispatch, for `region`, `flags` and `offset`, good until the section ends.
   */
  lookup(guard: ReadGuard, address: number | bigint): number {
    return this.lookupIn(this.#cell.dereference(guard), address);
  }

  /** As `lookup`, in a view from `view` or `hold`. */
  lookupIn(view: number, address: number | bigint): number {
    return this.#map.section(VIEW.dispatch.get(this.#u32, view), address);
  }

  /** Id of the region of what was looked up; {@linkcode UNASSIGNED} if nothing answers. */
  region(row: number): number {
    return this.#map.region(row);
  }

  /** Flags of what was looked up: see {@linkcode RangeFlag}. */
  flags(row: number): number {
    return this.#map.flags(row);
  }

  /** Offset in the region of an address that was looked up. */
  offset(row: number, address: number): number;
  /** As above, for all 64 bits. */
  offset(row: number, address: bigint): bigint;
  offset(row: number, address: number | bigint): number | bigint {
    return typeof address === "number"
      ? this.#map.offset(row, address)
      : this.#map.offset(row, address);
  }

  /**
   * How far the range that was looked up goes on.
   *
   * @returns Bytes from the address to the last one of the range, both included; at most 2^53 - 1.
   */
  remaining(row: number, address: number | bigint): number {
    if (typeof address === "number") return this.#map.remaining(row, address);
    const bytes = this.#map.last(row) - address + 1n;
    return Number(bytes < Number.MAX_SAFE_INTEGER ? bytes : Number.MAX_SAFE_INTEGER);
  }

  /** Bytes from the start of a range that was looked up to an address in it, the latter excluded. */
  preceding(row: number, address: number): number {
    return this.#map.preceding(row, address);
  }

  /** The generation of a view's dispatch: views with one generation show the same. Never repeats. */
  generation(view: number): number {
    return this.#map.generation(VIEW.dispatch.get(this.#u32, view));
  }

  /**
   * The number of the section that has the page of an address; 0 if several sections have parts of it,
   * or none has any.
   */
  pageSectionNumber(view: number, address: number | bigint): number {
    const section = this.#map.pageSection(VIEW.dispatch.get(this.#u32, view), address);
    return this.#map.region(section) === NO_REGION ? 0 : section / SECTION.size;
  }

  /**
   * The region of a section, by its number.
   *
   * @param number A number of this view's, from `pageSectionNumber`.
   * @returns The region's id; {@linkcode UNASSIGNED} for number 0.
   */
  regionOfNumber(number: number): number {
    return number === 0 ? UNASSIGNED : this.#map.region(number * SECTION.size);
  }

  /**
   * Holds the view that is published now beyond the read-side section.
   *
   * @param guard An open read-side section.
   * @returns The hold; a worker that dies without releasing it leaves the view behind.
   */
  hold(guard: ReadGuard): {
    /** Offset of the view. */
    readonly view: number;
    /**
     * Lets go of the view; must be called once. If this was the last holder of a view that no address
     * space shows any longer, the control context frees the view after its next commit or `reap()`.
     */
    release(): void;
  } {
    const memory = this.#memory;
    for (;;) {
      const view = this.#cell.dereference(guard);
      // A count of zero means that a commit has dropped its reference. It stored another view to the
      // cell before that, so the next load finds that one.
      if (tryRefView(memory, view)) return { view, release: () => unrefView(memory, view) };
    }
  }
}

/** A view that is held beyond its read-side section. */
export type HeldView = ReturnType<AddressSpaceReader["hold"]>;
