/**
 * RISC-V Sv39 and Sv48, as the first-stage tables of an IOMMU.
 *
 * After *The RISC-V Instruction Set Manual, Volume II: Privileged Architecture*, "Virtual Address
 * Translation Process". The A and D bits follow Svade: the walker never writes to the tables, and an
 * access that would have to set a bit faults. Svnapot and Svpbmt are not implemented, so bits 63:54
 * are reserved.
 *
 * @module
 */

import { MAX_PAGES, SPAN } from "../addresses/pages.ts";
import type { Access } from "../faults/iommu_fault.ts";
import { GuestTableWalker, LEAF, PASS, POINTER, type WalkerOptions } from "./guest_table_walker.ts";

const VALID = 0x01;
const READ = 0x02;
const WRITE = 0x04;
const EXECUTE = 0x08;
const USER = 0x10;
const ACCESSED = 0x40;
const DIRTY = 0x80;
const RESERVED_HIGH = 0xffc0_0000;

/** Values of the mode field of the root register. */
const BARE = 0;
const SV39 = 8;
const SV48 = 9;

/**
 * Walks Sv39 and Sv48 tables. The root register has the layout of `satp`: mode 63:60, address-space
 * id 59:44, page of the top table 43:0. The domain is the address-space id; the source id is ignored.
 */
export class RiscvWalker extends GuestTableWalker {
  readonly #user: number;

  /**
   * Makes a walker for this context.
   *
   * @param options Memory and target; and the device's privilege: `"user"` (unless given) may use
   * only pages with the U bit, `"supervisor"` only those without it.
   */
  constructor(options: WalkerOptions & { readonly privilege?: "user" | "supervisor" }) {
    super(options);
    this.#user = options.privilege === "supervisor" ? 0 : USER;
  }

  /** @internal */
  protected override start(low: number, high: number): number {
    this.perm = 3;
    this.domain = (high >>> 12) & 0xffff;
    this.next = (high & 0xfff) * 2 ** 32 + low;
    const mode = high >>> 28;
    if (mode === BARE) return PASS;
    return mode === SV39 || mode === SV48 ? mode - 5 : this.refuse("modeReserved");
  }

  /** @internal Canonical: all bits from the top bit that the tables translate on are equal. */
  protected override accepts(page: number, levels: number): boolean {
    const half = SPAN[levels]! / 2;
    if (page < half || page >= MAX_PAGES - half) return true;
    this.kind = "nonCanonical";
    return false;
  }

  /** @internal */
  protected override topPage(slot: number, level: number): number {
    return slot < 256 ? slot * SPAN[level]! : MAX_PAGES - (512 - slot) * SPAN[level]!;
  }

  /** @internal */
  protected override classify(
    low: number,
    high: number,
    level: number,
    _perm: number,
    access: Access,
  ): number {
    if ((low & VALID) === 0) return this.refuse("entryNotPresent");
    if ((low & (READ | WRITE)) === WRITE) return this.refuse("writeWithoutRead");
    if ((high & RESERVED_HIGH) !== 0) return this.refuse("entryReserved");
    this.next = (high & 0x3f_ffff) * 0x40_0000 + (low >>> 10);
    if ((low & (READ | EXECUTE)) === 0) return this.#pointer(low, level);
    return this.#leaf(low, level, access);
  }

  #pointer(low: number, level: number): number {
    if ((low & (ACCESSED | DIRTY | USER)) !== 0) return this.refuse("entryReserved");
    return level === 0 ? this.refuse("noLeaf") : POINTER;
  }

  #leaf(low: number, level: number, access: Access): number {
    if ((low & USER) !== this.#user) return this.refuse("privilege");
    const allowed = (low & READ ? 1 : 0) | (low & WRITE ? 2 : 0);
    const missing = access & ~allowed;
    if (missing !== 0) return this.refuse(missing & 2 ? "writeDenied" : "readDenied");
    if (allowed === 0) return this.refuse("readDenied");
    if (this.next % SPAN[level]! !== 0) return this.refuse("misalignedSuperpage");
    if ((low & ACCESSED) === 0) return this.refuse("accessedClear");
    if ((access & 2) !== 0 && (low & DIRTY) === 0) return this.refuse("dirtyClear");
    // With D clear the page is reported as readable only: a write walks again, and finds D set or faults.
    this.perm = low & DIRTY ? allowed : allowed & 1;
    return LEAF;
  }
}
