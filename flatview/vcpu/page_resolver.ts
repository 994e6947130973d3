import type { ReadGuard } from "@guestmem/rcu";
import type { MemTxResult } from "../access/device/mem_tx_result.ts";
import type { RamWindow } from "../access/guest_memory.ts";
import { type GuestSpace, pathOf } from "../access/guest_space.ts";
import type { Address } from "../region/address.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import { CpuAccess } from "./cpu_access.ts";
import { NO_EXTENT, type PageExtent, PageExtents } from "./page_extents.ts";
import { PinnedMap } from "./pinned_map.ts";

/** Bytes of a guest page. */
const PAGE = 4096;
/**
 * Guest pages as a CPU of any kind needs them: where each one lies in memory, and what may be done with
 * it there. It is for a core or a JIT that keeps a TLB of its own; `Tlb` is one that is ready made.
 *
 * Everything lies between `lock()` and `unlock()`, a read-side section that this object holds. What was
 * resolved in a section holds until the section ends. It holds on in the next one if {@linkcode
 * generation} has not changed: look at it after `lock()`, after `quiescent()`, and after each `load` and
 * `store`, since an access to a device in another context leaves the section and enters a new one. If it
 * has changed, all that was ever resolved is void: drop it before the next access.
 *
 * {@linkcode logEpoch} is compared at the same places. Another one voids permissions to store to pages
 * that are `LOGGED`: whoever collects dirty pages relies on it.
 *
 * `load` and `store` are the one call for everything that a CPU does not do by itself: devices in this
 * worker and in others, ROM, unassigned addresses, pages that are not whole. They split an access that is
 * not aligned as QEMU's TCG does. Neither creates objects.
 *
 * Values are little-endian; a CPU of the other byte order swaps them. A page has 4096 bytes.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { MemoryAccess, Topology } from "@guestmem/flatview";
 * import { PageAccess, PageResolver } from "@guestmem/flatview/vcpu";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const memory = GuestRam.create(domain, { bytes: 1 << 20 });
 * const { id, offset } = new RamList(memory).addAnonymous({ name: "ram", length: 1 << 20 });
 * const topology = new Topology({ arena, domain });
 * const system = topology.initContainer("system", 2n ** 64n);
 * system.addSubregion(0x8000_0000, topology.initRam("ram", 1 << 20, { blockId: id, ramAddr: offset }));
 * const uart = topology.initIo("uart", 8, {});
 * system.addSubregion(0x1000_0000, uart);
 * const { handle } = topology.createAddressSpace("memory", system);
 *
 * // In the vCPU's worker:
 * const access = new MemoryAccess({ arena, reader: domain.register(), memory });
 * access.bind(uart.id, { read: () => 0x60 });
 * const resolver = new PageResolver(access.attach(handle));
 * resolver.lock();
 * const { generation } = resolver;
 * const page = resolver.resolve(0x8000_3000 / 4096);
 * assert(page & PageAccess.READ && page & PageAccess.WRITE);
 * const { window, at } = resolver;
 * window!.i32[(at + 0x10) >>> 2] = 42; // a store to 0x80003010
 * assertEquals(resolver.load(0x8000_3010, 4), 42);
 *
 * assertEquals(resolver.resolve(0x1000_0000 / 4096), 0); // not memory:
 * assertEquals(resolver.load(0x1000_0005, 1), 0x60); // an exit
 * assertEquals(resolver.generation, generation); // what was resolved is still good
 * resolver.unlock();
 * ```
 */
export class PageResolver {
  /** The memory in which the page that was resolved last lies; null if it is none. */
  window: RamWindow | null = null;
  /** Byte offset of the page in `window.buffer`, a multiple of 8; of no meaning without a window. */
  at: number = 0;
  readonly #space: AddressSpaceReader;
  readonly #map: PinnedMap;
  readonly #access: CpuAccess;
  readonly #extents: PageExtents;
  #last: PageExtent = NO_EXTENT;

  /**
   * A resolver that has found nothing yet.
   *
   * @param space The address space, from `MemoryAccess.attach`.
   */
  constructor(space: GuestSpace) {
    const path = pathOf(space);
    this.#space = space.reader;
    this.#map = new PinnedMap(path, space.reader);
    this.#access = new CpuAccess(path, space.reader, this.#map);
    this.#extents = new PageExtents(path, space.reader, this.#map);
  }

  /** The guard of the open section. @throws {FlatViewError} `OUTSIDE_SECTION` between sections. */
  get guard(): ReadGuard {
    return this.#map.guard;
  }

  /** Whether a section is open. */
  get isOpen(): boolean {
    return this.#map.isOpen;
  }

  /** Generation of the map of this section. Another one voids all that was resolved. Never repeats. */
  get generation(): number {
    return this.#map.generation;
  }

  /**
   * The log epoch of this section. After {@linkcode mark} the core may store to a page that is `LOGGED`
   * until the epoch is another one. Never repeats.
   */
  get logEpoch(): number {
    return this.#map.logEpoch;
  }

  /** Result of the last `load` or `store`. */
  get result(): MemTxResult {
    return this.#access.result;
  }

  /** The upper half of what was loaded last, unsigned. */
  get upper(): number {
    return this.#access.upper;
  }

  /** The attributes of the loads and stores from now on: devices and IOMMUs see them. */
  get attrs(): MemTxAttrs {
    return this.#access.attrs;
  }

  set attrs(attrs: MemTxAttrs) {
    this.#access.attrs = attrs;
  }

  /** Enters a section, and looks for a new map. */
  lock(): void {
    this.#map.lock();
  }

  /** Leaves the section. */
  unlock(): void {
    this.#map.unlock();
  }

  /** Between two guest instructions: passes through a quiescent state, and looks for a new map. */
  quiescent(): void {
    this.#map.quiescent();
  }

  /**
   * Resolves a guest page. Sets {@linkcode window} and {@linkcode at}. Allocates nothing.
   *
   * @param page Number of the page: its guest physical address divided by 4096; below 2^52.
   * @returns Bits of {@linkcode PageAccess}; 0 if the page is not memory, or not one piece of it.
   * @throws {FlatViewError} `OUTSIDE_SECTION` between sections.
   * @throws {FlatViewError} `MISSING_RAM` if the region's RAM block is missing.
   */
  resolve(page: number): number {
    const last = this.#last;
    if (last.first <= page && page <= last.last && this.#extents.isCurrent) {
      this.window = last.window;
      this.at = last.at + (page - last.first) * PAGE;
      return last.access;
    }
    const extent = this.#last = this.#extents.find(page);
    this.window = extent.window;
    this.at = extent.at + (page - extent.first) * PAGE;
    return extent.access;
  }

  /**
   * Marks a page in its dirty log, if it has one: the core stores to it in this section, and may go on
   * storing to it until {@linkcode logEpoch} changes. It does not matter whether the mark precedes the
   * first store or follows it: whoever collects marks waits for the section to end.
   *
   * @param page Number of the page.
   * @throws {FlatViewError} `OUTSIDE_SECTION` between sections.
   */
  mark(page: number): void {
    this.#extents.mark(page);
  }

  /**
   * Loads 1, 2, 4 or 8 bytes, wherever they lie; a device sees the size. If the device is in another
   * context, the section is left and another one entered: compare {@linkcode generation} afterwards.
   *
   * @param address The guest physical address. It need not be aligned.
   * @returns The lower half, unsigned, 0 where nothing answers; `upper` and `result` have the rest.
   * @throws {FlatViewError} `OUTSIDE_SECTION`; `ACCESS_OUT_OF_RANGE`; `REGION_UNBOUND` or
   * `NO_MMIO_CHANNEL` if the device cannot be reached.
   */
  load(address: Address, size: number): number {
    return this.#access.access(address, size, false, 0, 0);
  }

  /**
   * Stores 1, 2, 4 or 8 bytes, on the terms of `load`. A store to memory is marked in its dirty log.
   *
   * @param low The lower half of the value. @param high The upper half.
   * @returns Its result.
   */
  store(address: Address, size: number, low: number, high = 0): MemTxResult {
    this.#access.access(address, size, true, low, high);
    return this.#access.result;
  }

  /**
   * The dispatch section in which an address lies, to be kept in place of the region: QEMU's
   * `address_space_translate_for_iotlb`. A page that several regions share has number 0.
   *
   * @returns The section's number, for `iotlbToRegion`; valid until the map changes.
   * @throws {FlatViewError} `OUTSIDE_SECTION` between sections.
   */
  translateForIotlb(address: number): number {
    return this.#space.pageSectionNumber(this.#map.view(this.#space), address);
  }

  /**
   * The region behind a section's number: QEMU's `iotlb_to_region`, by the dispatch that this vCPU
   * found when it last looked for a new map.
   *
   * @param number From `translateForIotlb`.
   * @param address The address.
   * @returns Id of the region; 0 if nothing answers.
   * @throws {FlatViewError} `OUTSIDE_SECTION` between sections.
   */
  iotlbToRegion(number: number, address: number): number {
    const space = this.#space;
    const view = this.#map.view(space);
    const region = space.regionOfNumber(number);
    return region === 0 ? space.region(space.lookupIn(view, address)) : region;
  }
}
