import type { ReadGuard } from "@guestmem/rcu";
import type { AccessPath } from "../access/access_path.ts";
import { MemTxResult } from "../access/device/mem_tx_result.ts";
import type { RamWindow } from "../access/guest_memory.ts";
import { type GuestSpace, pathOf } from "../access/guest_space.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import { PageAccess } from "./page_extents.ts";
import { PageResolver } from "./page_resolver.ts";

/** Bytes of a page. */
const PAGE = 4096;
/** 1 / 2^32: multiplying by it gives the upper half of an address. */
const PER_TWO_32 = 1 / 0x1_0000_0000;

// Words of an entry: tags for loads and stores, and how to get from an address to the memory. Constants of
// this module: imported ones are loaded at each use, which makes a hit 1.2 to 1.5 times as slow.
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
 * A vCPU's TLB: guest memory at the cost of a compare and an array load. Entries are
 * pages that a {@linkcode PageResolver} has resolved.
 *
 * Every access lies between `lock()` and `unlock()`, a read-side section that this object holds. Only
 * `lock()` and `quiescent()` look for a new map, and an access never does: it goes by the map that
 * was published when the section began, and the grace period that follows a commit waits for the
 * section to end. Entries are kept from section to section as long as the generation of the map stays
 * the same; generations never repeat.
 *
 * A hit compares a tag with the address (page and alignment at once) and loads from a typed array.
 * What is not a hit, and does not lie in one page of memory, goes the way of `PageResolver.load` and
 * `store`: devices, ROM, what has to be split. An access to a device in another context leaves the
 * section and enters a new one, which looks for a new map.
 *
 * Addresses are integers from 0 to 2^53 - 1; those below 4 GiB are fastest. Values are little-endian,
 * and unsigned unless the method's name says otherwise. Stores to ROM are dropped. The first store to a
 * logged page in each log epoch marks it, and is slower than the others. The result of the
 * last access that was not a hit is in {@linkcode result}.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { MemoryAccess, Topology } from "@guestmem/flatview";
 * import { Tlb } from "@guestmem/flatview/vcpu";
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
 * const tlb = new Tlb(access.attach(handle));
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
  readonly #entries: Int32Array;
  readonly #mask: number;
  /** The window in which most memory lies, and its views: hits go there without a detour. */
  #main: RamWindow | null = null;
  #words: Int32Array = new Int32Array(0);
  #halves: Uint16Array = new Uint16Array(0);
  #bytes: Uint8Array = new Uint8Array(0);
  /** The windows of the entries with the tag {@linkcode OTHER}. */
  readonly #windows: (RamWindow | null)[];
  readonly #pages: PageResolver;
  readonly #path: AccessPath;
  #generation = 0;
  #logEpoch = 0;
  /** Whether an entry allows stores to a logged page, which was marked in this log epoch. */
  #hasMarked = false;

  /**
   * An empty TLB.
   *
   * @param space The address space, from `MemoryAccess.attach`.
   * @param entries How many pages it holds: a power of two up to 2^20; 1024 by default.
   * @throws {RangeError} If it is not such a number.
   */
  constructor(space: GuestSpace, entries = 1024) {
    if (!Number.isInteger(Math.log2(entries)) || entries > 1 << 20) {
      throw new RangeError(
        `Cannot create a TLB of ${entries} entries: it must be a power of two up to 2^20`,
      );
    }
    this.#pages = new PageResolver(space);
    this.#path = pathOf(space);
    this.#entries = new Int32Array(entries * 4).fill(NONE);
    this.#windows = new Array(entries).fill(null);
    this.#mask = (entries - 1) << 2;
  }

  /** The guard of the open section. @throws {FlatViewError} `OUTSIDE_SECTION` between sections. */
  get guard(): ReadGuard {
    return this.#pages.guard;
  }

  /** Whether a section is open. */
  get isOpen(): boolean {
    return this.#pages.isOpen;
  }

  /** Generation of the map of this section. The TLB itself follows it. */
  get generation(): number {
    return this.#pages.generation;
  }

  /** The log epoch of this section. The TLB itself follows it. */
  get logEpoch(): number {
    return this.#pages.logEpoch;
  }

  /** The attributes of the accesses from now on: devices and IOMMUs see them; memory does not ask. */
  get attrs(): MemTxAttrs {
    return this.#pages.attrs;
  }

  set attrs(attrs: MemTxAttrs) {
    this.#pages.attrs = attrs;
  }

  /** Enters a section, and looks for a new map. */
  lock(): void {
    this.#pages.lock();
    this.#renew();
  }

  /** Leaves the section. */
  unlock(): void {
    this.#pages.unlock();
    // In debug mode no entry survives, so that an access outside a section misses and is reported.
    if (this.#path.arena.debug) this.flush();
  }

  /** Between two guest instructions: passes through a quiescent state, and looks for a new map. */
  quiescent(): void {
    this.#pages.quiescent();
    this.#renew();
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
   * Slow path: hits outside the main window or not aligned, misses, MMIO, and stores to ROM or to
   * logged pages.
   *
   * One function, on purpose: V8 inlines none of more than 460 bytes of bytecode. Its parts, called
   * at each miss while the TLB fills, would be inlined into `load32`, which V8 then finds too large
   * to be inlined in turn; each hit would cost a call and an address in a heap number. The loads
   * convert what it returns (`>>> 0`, `| 0`), so that a hit's value stays an integer in a register.
   *
   * @returns The lower half of what was loaded; the upper half is in {@linkcode upper}.
   */
  #slowPath(address: number, size: number, isStore: boolean, low: number, high: number): number {
    const inPage = address & (PAGE - 1);
    const isInPage = inPage + size <= PAGE && Math.floor(address) === address && address >= 0;
    if (!isInPage) return this.#exit(address, size, isStore, low, high);
    const entries = this.#entries;
    const entry = (address >>> 10) & this.#mask;
    const page = address & 0xffff_f000;
    const far = (address * PER_TWO_32) | 0;
    const held = entries[entry + (isStore ? WRITE : READ)]! ^ page;
    if ((held & ~(FAR | OTHER)) !== 0 || entries[entry + HIGH] !== far) {
      const pages = this.#pages;
      const access = pages.resolve((address - inPage) / PAGE);
      if ((access & PageAccess.READ) === 0) return this.#exit(address, size, isStore, low, high);
      const window = pages.window!;
      if (this.#main === null || window.buffer.byteLength > this.#main.buffer.byteLength) {
        this.#setMain(window);
      }
      const tag = page | (far === 0 ? 0 : FAR) | (window === this.#main ? 0 : OTHER);
      entries[entry + READ] = tag;
      entries[entry + DELTA] = pages.at - page;
      entries[entry + HIGH] = far;
      const isLogged = (access & PageAccess.LOGGED) !== 0;
      const canStore = (access & PageAccess.WRITE) !== 0 && (isStore || !isLogged);
      entries[entry + WRITE] = canStore ? tag : NONE;
      this.#windows[entry >>> 2] = window;
      if (isStore && !canStore) return this.#exit(address, size, isStore, low, high);
      // One mark stands for all stores of this log epoch: whoever takes it waits for this section.
      if (isStore && isLogged) {
        pages.mark((address - inPage) / PAGE);
        this.#hasMarked = true;
      }
    }
    const { ram, value } = this.#path;
    const window = this.#windows[entry >>> 2]!;
    const at = (address + entries[entry + DELTA]!) >>> 0;
    this.result = MemTxResult.OK;
    if (isStore) {
      ram.store(window, at, size, false, low, high);
      return 0;
    }
    ram.load(window, at, size, false, value);
    this.upper = value.high;
    return value.low;
  }

  #exit(address: number, size: number, isStore: boolean, low: number, high: number): number {
    const pages = this.#pages;
    if (isStore) {
      this.result = pages.store(address, size, low, high);
      this.#renew();
      return 0;
    }
    const value = pages.load(address, size);
    this.result = pages.result;
    this.upper = pages.upper;
    this.#renew();
    return value;
  }

  /** Drops the entries of another map, and in another log epoch those that it voids. */
  #renew(): void {
    const { generation, logEpoch } = this.#pages;
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.flush();
    }
    if (logEpoch === this.#logEpoch) return;
    this.#logEpoch = logEpoch;
    if (!this.#hasMarked) return;
    this.#hasMarked = false;
    // All of them: the next store to a page that is not logged enters it again.
    for (let at = WRITE; at < this.#entries.length; at += 4) this.#entries[at] = NONE;
  }

  #setMain(window: RamWindow): void {
    this.flush();
    this.#main = window;
    this.#words = window.i32;
    this.#bytes = window.u8;
    this.#halves = this.#path.ram.words16(window);
  }
}
