import type { ReadGuard } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { DIRTY_LOG_BITS } from "../region/range_flags.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import { type AccessPath, NO_ATTRS } from "./access_path.ts";
import { shiftedHigh, shiftedLow } from "./device/halves.ts";
import { MemTxResult, RETRY } from "./device/mem_tx_result.ts";
import type { RamWindow } from "./guest_memory.ts";
import { isDirect, isRom } from "./resolved_address.ts";

/** Bytes of a page of the TLB. */
const PAGE = 4096;
/** 1 / 2^32: multiplying by it gives the upper half of an address. */
const PER_TWO_32 = 1 / 0x1_0000_0000;

// Words of an entry: tags for loads and stores, and how to get from an address to the memory.
const READ = 0;
const DELTA = 1;
const HIGH = 2;
const WRITE = 3;

/** Bit of a tag: the page lies above 4 GiB, and HIGH must match as well. */
const FAR = 8;
/** Bit of a tag: the page does not lie in the main window. */
const OTHER = 16;
/** A tag that no address has. */
const NONE = -1;

/**
 * A vCPU's TLB: guest memory at the cost of a compare and an array load. From `GuestSpace.tlb`.
 *
 * Every access lies between `lock()` and `unlock()`, a read-side section that this object holds. Only
 * `lock()` and `quiescent()` look for a new map, and an access never does: it goes by the map that
 * was published when the section began, and the grace period that follows a commit waits for the
 * section to end. Entries are kept from section to section as long as the generation of the map stays
 * the same; generations never repeat.
 *
 * A hit compares a tag with the address (page and alignment at once) and loads from a typed array.
 * Everything else (a miss, an unaligned access, a device, a store to a page whose stores are logged)
 * is resolved once, as by `GuestSpace`, in the map of the section. An access to a device in another
 * context leaves the section and enters a new one, which looks for a new map.
 *
 * An access that is not aligned is one access if one piece of memory has all of its bytes. Otherwise (it
 * goes to a device, or on from one range to the next) it is split as QEMU's TCG splits it: into aligned
 * pieces, none of which crosses a page of 4 KiB. A device sees each as an access, and their results are
 * ORed.
 *
 * Addresses are integers from 0 to 2^53 - 1; those below 4 GiB are fastest. Values are little-endian,
 * and unsigned unless the method's name says otherwise. Stores to ROM are dropped. The result of the
 * last access that was not a hit is in {@linkcode result}.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { MemoryAccess, Topology } from "@guestmem/flatview";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const memory = GuestRam.create(domain, { bytes: 1 << 20 });
 * const { id, offset } = new RamList(memory).addAnonymous({ name: "ram", length: 1 << 20 });
 * const topology = new Topology({ arena, domain });
 * const ram = topology.initRam("ram", 1 << 20, { blockId: id, ramAddr: offset });
 * const { handle } = topology.createAddressSpace("memory", ram);
 *
 * // In the vCPU's worker:
 * const access = new MemoryAccess({ arena, reader: domain.register(), memory });
 * const tlb = access.attach(handle).tlb();
 * tlb.lock();
 * for (let instruction = 0; instruction < 10_000; instruction++) {
 *   tlb.store32(0x1000, tlb.load32(0x1000) + 1);
 *   if (instruction % 1000 === 999) tlb.quiescent(); // here it looks for a new map
 * }
 * assertEquals(tlb.load32(0x1000), 10_000);
 * tlb.unlock();
 * ```
 */
export class Tlb {
  /** Result of the last access that was not a hit. */
  result: MemTxResult = MemTxResult.OK;
  /** The upper half of the last `load64`, unsigned. */
  upper: number = 0;
  /** The attributes of the accesses from now on: devices and IOMMUs see them; memory does not ask. */
  attrs: MemTxAttrs = NO_ATTRS;
  readonly #entries: Int32Array;
  readonly #mask: number;
  /** The window in which most memory lies, and its views: hits go there without a detour. */
  #main: RamWindow | null = null;
  #words: Int32Array = new Int32Array(0);
  #halves: Uint16Array = new Uint16Array(0);
  #bytes: Uint8Array = new Uint8Array(0);
  /** The windows of the entries with the tag {@linkcode OTHER}. */
  readonly #windows: (RamWindow | null)[];
  readonly #path: AccessPath;
  readonly #space: AddressSpaceReader;
  #guard: ReadGuard | null = null;
  #generation = 0;
  #view = 0;

  /** @internal */
  constructor(path: AccessPath, space: AddressSpaceReader, entries: number) {
    if (!Number.isInteger(Math.log2(entries)) || entries > 1 << 20) {
      throw new RangeError(
        `Cannot create a TLB of ${entries} entries: it must be a power of two up to 2^20`,
      );
    }
    this.#path = path;
    this.#space = space;
    this.#entries = new Int32Array(entries * 4).fill(NONE);
    this.#windows = new Array(entries).fill(null);
    this.#mask = (entries - 1) << 2;
  }

  /** The guard of the open section. @throws {FlatViewError} `OUTSIDE_SECTION` between sections. */
  get guard(): ReadGuard {
    if (this.#guard === null) throw new FlatViewError("OUTSIDE_SECTION", {});
    return this.#guard;
  }

  /** @internal As a `GuardHolder`: for its own address space, the view that its entries show. */
  view(space: AddressSpaceReader): number {
    return space === this.#space ? this.#view : space.view(this.guard);
  }

  /** Enters a section, and looks for a new map. */
  lock(): void {
    const guard = this.#path.guards.reader.lock();
    this.#guard = guard;
    this.#view = this.#space.view(guard);
    const generation = this.#space.generation(this.#view);
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.flush();
  }

  /** Leaves the section. */
  unlock(): void {
    this.#leave();
    // In debug mode no entry survives, so that an access outside a section misses and is reported.
    if (this.#path.arena.debug) this.flush();
  }

  /** Between two guest instructions: passes through a quiescent state, and looks for a new map. */
  quiescent(): void {
    this.#leave();
    this.#path.guards.reader.quiescent?.();
    this.lock();
  }

  /** Drops all entries. */
  flush(): void {
    this.#entries.fill(NONE);
  }

  /** Loads a byte, unsigned. */
  load8(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry] === (low & 0xffff_f000) && low >>> 0 === address) {
      return this.#bytes[(low + this.#entries[entry + DELTA]!) >>> 0]!;
    }
    return this.#slowPath(address, 1, false, 0, 0) >>> 0;
  }

  /** Loads two bytes, unsigned. */
  load16(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry] === (low & 0xffff_f001) && low >>> 0 === address) {
      return this.#halves[(low + this.#entries[entry + DELTA]!) >>> 1]!;
    }
    return this.#slowPath(address, 2, false, 0, 0) >>> 0;
  }

  /** Loads four bytes, unsigned. */
  load32(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    const tag = this.#entries[entry]! ^ (low & 0xffff_f003);
    const isHit = tag === 0
      ? low >>> 0 === address
      : tag === FAR && this.#entries[entry + HIGH] === ((address * PER_TWO_32) | 0);
    if (isHit) return this.#words[(low + this.#entries[entry + DELTA]!) >>> 2]! >>> 0;
    return this.#slowPath(address, 4, false, 0, 0) >>> 0;
  }

  /** Loads four bytes as a signed integer: a CPU's word, at the lowest cost. */
  loadInt32(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    const tag = this.#entries[entry]! ^ (low & 0xffff_f003);
    const isHit = tag === 0
      ? low >>> 0 === address
      : tag === FAR && this.#entries[entry + HIGH] === ((address * PER_TWO_32) | 0);
    if (isHit) return this.#words[(low + this.#entries[entry + DELTA]!) >>> 2]!;
    return this.#slowPath(address, 4, false, 0, 0) | 0;
  }

  /** Loads eight bytes: returns the lower half, unsigned; the upper half is in {@linkcode upper}. */
  load64(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry] === (low & 0xffff_f007) && low >>> 0 === address) {
      const main = this.#main!;
      const value = main.load64((low + this.#entries[entry + DELTA]!) >>> 0);
      this.upper = main.upper;
      return value;
    }
    return this.#slowPath(address, 8, false, 0, 0) >>> 0;
  }

  /** Stores a byte. */
  store8(address: number, value: number): void {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry + WRITE] === (low & 0xffff_f000) && low >>> 0 === address) {
      this.#bytes[(low + this.#entries[entry + DELTA]!) >>> 0] = value;
    } else this.#slowPath(address, 1, true, value, 0);
  }

  /** Stores two bytes. */
  store16(address: number, value: number): void {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry + WRITE] === (low & 0xffff_f001) && low >>> 0 === address) {
      this.#halves[(low + this.#entries[entry + DELTA]!) >>> 1] = value;
    } else this.#slowPath(address, 2, true, value, 0);
  }

  /** Stores four bytes. */
  store32(address: number, value: number): void {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry + WRITE] === (low & 0xffff_f003) && low >>> 0 === address) {
      this.#words[(low + this.#entries[entry + DELTA]!) >>> 2] = value;
    } else this.#slowPath(address, 4, true, value, 0);
  }

  /** Stores eight bytes, given as two halves. */
  store64(address: number, value: number, upper: number): void {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry + WRITE] === (low & 0xffff_f007) && low >>> 0 === address) {
      this.#main!.store64((low + this.#entries[entry + DELTA]!) >>> 0, value, upper);
    } else this.#slowPath(address, 8, true, value, upper);
  }

  /**
   * The dispatch section in which an address lies, to be kept in place of the region: QEMU's
   * `address_space_translate_for_iotlb`. A page that several regions share has one number.
   *
   * @returns The section's number, for `iotlbToRegion`; valid until the map changes.
   * @throws {FlatViewError} `OUTSIDE_SECTION` between sections.
   */
  translateForIotlb(address: number): number {
    if (this.#guard === null) throw new FlatViewError("OUTSIDE_SECTION", {});
    return this.#space.sectionNumber(this.#view, address, false);
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
    if (this.#guard === null) throw new FlatViewError("OUTSIDE_SECTION", {});
    const region = this.#space.region(this.#space.sectionRow(this.#view, number));
    // Neither "unassigned" nor the container of a shared page has a region.
    return region === 0 ? this.#space.region(this.#space.lookupIn(this.#view, address)) : region;
  }

  /**
   * Slow path: hits outside the main window, misses, MMIO, and stores to ROM or to logged pages. A
   * miss resolves its address once: that fills the entry, if one range of memory has the whole page,
   * and performs the access.
   *
   * One function, on purpose: V8 inlines none of more than 460 bytes of bytecode. Its parts, called
   * at each miss while the TLB fills, would be inlined into `load32`, which V8 then finds too large
   * to be inlined in turn; each hit would cost a call and an address in a heap number. The loads
   * convert what it returns (`>>> 0`, `| 0`), so that a hit's value stays an integer in a register.
   *
   * @returns The lower half of what was loaded; the upper half is in {@linkcode upper}.
   */
  #slowPath(address: number, size: number, isStore: boolean, low: number, high: number): number {
    const path = this.#path;
    const space = this.#space;
    const { ram, value, resolved } = path;
    const entries = this.#entries;
    const entry = (address >>> 10) & this.#mask;
    const tag = entries[entry + (isStore ? WRITE : READ)]! ^ (address & (0xffff_f000 | size - 1));
    const isHit = (tag === FAR || tag === OTHER || tag === (FAR | OTHER)) &&
      entries[entry + HIGH] === ((address * PER_TWO_32) | 0);
    if (isHit) {
      const window = tag === FAR ? this.#main! : this.#windows[entry >>> 2]!;
      const at = (address + entries[entry + DELTA]!) >>> 0;
      if (isStore) {
        ram.store(window, at, size, false, low, high);
        return 0;
      }
      ram.load(window, at, size, false, value);
      this.upper = value.high;
      return value.low;
    }
    const { guard } = this;
    path.checkRange(address, size);
    const view = this.#view;
    const { attrs } = this;
    const isAligned = (address & (size - 1)) === 0;
    path.translator.translate(guard, space, view, address, size, isStore, attrs, resolved);
    const { flags } = resolved;
    if (isDirect(flags, false)) {
      const ramAddr = path.ramAddr(guard, resolved);
      const window = ram.locate(guard, resolved.region, ramAddr);
      const inPage = address & (PAGE - 1);
      const at = ram.at - inPage;
      // An IOMMU's answer changes without a new map, so it is not kept.
      const isPage = !resolved.translated && space.preceding(resolved.row, address) >= inPage &&
        Math.min(resolved.remaining, ram.contiguous) >= PAGE - inPage &&
        at >= 0 && (at & 7) === 0 && at <= 2 ** 32 - PAGE;
      if (isPage) this.#fill(entry, address - inPage, window, at, flags);
      const isWhole = path.isWhole(size);
      if (!isWhole && !isAligned) return this.#splitAccess(address, size, isStore, low, high);
      this.result = MemTxResult.OK;
      if (!isStore) {
        if (isWhole) ram.load(window, ram.at, size, false, value);
        else this.result = path.loadPieces(this, space, address, size, false, attrs);
        this.upper = value.high;
        return value.low;
      }
      const isDropped = isRom(flags); // a decode error for a device, but not for a CPU
      if (isDropped && isWhole) return 0;
      if (isDropped || isDirect(flags, true)) {
        if (isWhole) {
          ram.store(window, ram.at, size, false, low, high);
          ram.markDirty(guard, ramAddr, size, flags);
        } else {
          value.set(low, high);
          this.result = path.storePieces(this, space, address, size, false, attrs);
        }
        return 0;
      }
    }
    if (!isAligned) return this.#splitAccess(address, size, isStore, low, high);
    value.set(low, high);
    value.truncate(size);
    const outcome = path.dispatcher.access(this, resolved, size, isStore, false, attrs);
    // The section is another one now, with a newer map.
    if (outcome === RETRY) return this.#slowPath(address, size, isStore, low, high);
    this.result = outcome;
    if (!isStore) this.upper = value.high;
    return value.low;
  }

  /**
   * Performs an access that is not aligned by aligned pieces: QEMU's `int_ld_mmio_beN` and
   * `int_st_mmio_leN`. A piece is as large as the alignment of its address and of the bytes that are left
   * in the page allow, and less than 8 bytes. Each is resolved anew: one that goes to another context
   * leaves the section, and the next one goes by the map of the new section.
   */
  #splitAccess(address: number, size: number, isStore: boolean, low: number, high: number): number {
    let result: MemTxResult = MemTxResult.OK;
    let loadedLow = 0;
    let loadedHigh = 0;
    for (let done = 0; done < size;) {
      const at = address + done;
      const left = Math.min(size - done, PAGE - (at & (PAGE - 1)));
      const piece = (at | left) & -(at | left);
      const bits = 8 * done;
      this.result = MemTxResult.OK; // a hit does not set it
      const value = this.#slowPath(at, piece, isStore, shiftedLow(low, high, -bits), 0);
      result |= this.result;
      loadedLow |= shiftedLow(value, 0, bits);
      loadedHigh |= shiftedHigh(value, 0, bits);
      done += piece;
    }
    this.result = result;
    this.upper = loadedHigh >>> 0;
    return loadedLow;
  }

  #fill(entry: number, page: number, window: RamWindow, at: number, flags: number): void {
    if (this.#main === null || window.buffer.byteLength > this.#main.buffer.byteLength) {
      this.#setMain(window);
    }
    const high = (page * PER_TWO_32) | 0;
    const tag = page | (high === 0 ? 0 : FAR) | (window === this.#main ? 0 : OTHER);
    const entries = this.#entries;
    entries[entry + READ] = tag;
    entries[entry + DELTA] = at - page;
    entries[entry + HIGH] = high;
    const isWritable = isDirect(flags, true) && (flags & DIRTY_LOG_BITS) === 0;
    entries[entry + WRITE] = isWritable ? tag : NONE;
    this.#windows[entry >>> 2] = window;
  }

  #setMain(window: RamWindow): void {
    this.flush();
    this.#main = window;
    this.#words = window.i32;
    this.#bytes = window.u8;
    this.#halves = this.#path.ram.words16(window);
  }

  #leave(): void {
    const { guard } = this;
    this.#guard = null;
    guard.unlock();
  }
}
