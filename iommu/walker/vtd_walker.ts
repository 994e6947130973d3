/**
 * Intel VT-d, legacy mode: root table, context tables, second-level tables.
 *
 * After the *Intel Virtualization Technology for Directed I/O Architecture Specification*, chapters
 * 3.4 (legacy mode), 3.7 (second-level translation), 9.1, 9.3 and 9.8 (the entries).
 *
 * @module
 */

import { SPAN } from "../addresses/pages.ts";
import { type Access, CONTEXT_LEVEL, type IommuFault, ROOT_LEVEL } from "../faults/iommu_fault.ts";
import {
  GuestTableWalker,
  LEAF,
  PASS,
  POINTER,
  REFUSED,
  type WalkerOptions,
} from "./guest_table_walker.ts";

/** See `VtdWalker.ENABLED`. */
const ENABLED = 1;
/** Bits 11:10 of the root register: 0 is the legacy mode. */
const TRANSLATION_MODE = 0xc00;
const PRESENT = 1;
const ROOT_RESERVED = 0xffe;
const CONTEXT_RESERVED = 0xff0;
/** Bits 7 and 31:24 of a context entry's second half; its bits 63:32 are reserved as well. */
const CONTEXT_SECOND_RESERVED = 0xff00_0080;
const PASS_THROUGH = 2;
const TYPE_RESERVED = 3;

const READ_WRITE = 3;
const PAGE_SIZE = 0x80;
/** Bit 62, transient mapping, and bit 11, snoop: this unit supports neither, so they are reserved. */
const ENTRY_RESERVED_HIGH = 0x4000_0000;
const SNOOP = 0x800;
/** Reserved low bits of a leaf by level: those below its page number. */
const LEAF_RESERVED: readonly number[] = [0, 0x1f_f000, 0x3fff_f000];

/** Walks VT-d's tables. Permissions are those of all levels together. */
export class VtdWalker extends GuestTableWalker {
  /**
   * Set in the low half of the root register while translation is enabled. (Hardware has this bit in
   * another register.)
   */
  static readonly ENABLED: number = ENABLED;

  /** Reserved bits of the high half of an entry with an address in bits 63:12. */
  readonly #wideHigh: number;
  /** The same for second-level entries, where bits 63 and 61:52 are ignored. */
  readonly #entryHigh: number;

  /**
   * Makes a walker for this context.
   *
   * @param options Memory and target; and `hostAddressBits`, the bits of a physical address (HAW), 36
   * to 52: those above are reserved in every entry. 46 unless given.
   * @throws {RangeError} If the width is not 36 to 52.
   */
  constructor(options: WalkerOptions & { readonly hostAddressBits?: number }) {
    super(options);
    const bits = options.hostAddressBits ?? 46;
    if (!Number.isInteger(bits) || bits < 36 || bits > 52) {
      throw new RangeError(
        `Cannot walk VT-d tables: hostAddressBits must be 36 to 52 and is ${bits}`,
      );
    }
    this.#wideHigh = (0xffff_ffff << (bits - 32)) >>> 0;
    this.#entryHigh = (this.#wideHigh & 0xf_ffff) | ENTRY_RESERVED_HIGH;
  }

  /**
   * VT-d's number of a fault, for the fault recording registers.
   *
   * @param fault The fault of a VT-d walk.
   * @returns The fault reason, as in chapter 7 of the specification.
   */
  static faultReason({ kind, level, access }: IommuFault): number {
    switch (kind) {
      case "rootNotPresent":
        return 0x1;
      case "contextNotPresent":
        return 0x2;
      case "contextInvalid":
        return 0x3;
      case "addressTooWide":
        return 0x4;
      case "writeDenied":
        return 0x5;
      case "readDenied":
        return 0x6;
      case "entryNotPresent":
        return access & 2 ? 0x5 : 0x6;
      case "rootReserved":
        return 0xa;
      case "contextReserved":
        return 0xb;
      case "entryReserved":
        return 0xc;
      case "tableOutsideMemory":
        return level >= 0 ? 0x7 : level === CONTEXT_LEVEL ? 0x9 : 0x8;
      default:
        return 0x8; // an invalid root table address register
    }
  }

  /** @internal */
  protected override start(low: number, high: number, source: number, fault: IommuFault): number {
    this.perm = READ_WRITE;
    this.domain = 0;
    if ((low & ENABLED) === 0) return PASS;
    if ((low & TRANSLATION_MODE) !== 0) return this.refuse("modeReserved");
    const root = pageNumber(low, high) * 4096 + (source >>> 8 & 0xff) * 16;
    if (!this.load(root, ROOT_LEVEL, fault)) return REFUSED;
    const rootLow = fault.entryLow;
    const rootHigh = fault.entryHigh;
    if ((rootLow & PRESENT) === 0) return this.refuse("rootNotPresent");
    if ((rootLow & ROOT_RESERVED) !== 0 || (rootHigh & this.#wideHigh) !== 0) {
      return this.refuse("rootReserved");
    }
    if (!this.load(root + 8, ROOT_LEVEL, fault)) return REFUSED;
    if (fault.entryLow !== 0 || fault.entryHigh !== 0) return this.refuse("rootReserved");
    return this.#context(pageNumber(rootLow, rootHigh) * 4096 + (source & 0xff) * 16, fault);
  }

  /** @internal */
  protected override accepts(page: number, levels: number): boolean {
    if (page < SPAN[levels]!) return true;
    this.kind = "addressTooWide";
    return false;
  }

  /** @internal */
  protected override topPage(slot: number, level: number): number {
    return slot * SPAN[level]!;
  }

  /** @internal */
  protected override classify(
    low: number,
    high: number,
    level: number,
    perm: number,
    access: Access,
  ): number {
    if ((low & READ_WRITE) === 0) return this.refuse("entryNotPresent");
    this.perm = perm & low;
    const missing = access & ~this.perm;
    if (missing !== 0) return this.refuse(missing & 2 ? "writeDenied" : "readDenied");
    if (this.perm === 0) return this.refuse("readDenied");
    const isLarge = level > 0 && (low & PAGE_SIZE) !== 0;
    let reserved = low & SNOOP;
    if (isLarge) reserved |= low & (level <= 2 ? LEAF_RESERVED[level]! : PAGE_SIZE);
    if (reserved !== 0 || (high & this.#entryHigh) !== 0) return this.refuse("entryReserved");
    this.next = pageNumber(low, high & 0xf_ffff);
    return isLarge || level === 0 ? LEAF : POINTER;
  }

  /** Reads a context entry: the present bit first, since the guest sets it last. */
  #context(address: number, fault: IommuFault): number {
    if (!this.load(address, CONTEXT_LEVEL, fault)) return REFUSED;
    const low = fault.entryLow;
    const high = fault.entryHigh;
    if ((low & PRESENT) === 0) return this.refuse("contextNotPresent");
    if (!this.load(address + 8, CONTEXT_LEVEL, fault)) return REFUSED;
    const second = fault.entryLow;
    const isReserved = (low & CONTEXT_RESERVED) !== 0 || (high & this.#wideHigh) !== 0 ||
      (second & CONTEXT_SECOND_RESERVED) !== 0 || fault.entryHigh !== 0;
    if (isReserved) return this.refuse("contextReserved");
    const width = second & 7;
    const type = (low >>> 2) & 3;
    if (width < 1 || width > 3 || type === TYPE_RESERVED) return this.refuse("contextInvalid");
    this.domain = (second >>> 8) & 0xffff;
    this.next = pageNumber(low, high);
    return type === PASS_THROUGH ? PASS : width + 2;
  }
}

/** Bits 63:12 of an entry. */
function pageNumber(low: number, high: number): number {
  return high * 0x10_0000 + (low >>> 12);
}
