/**
 * What lies in the memory of a hart: its state, its TLBs and its cache of decoded pages. `deno task
 * kernel` makes the kernel's constants from every layout and number that this module exports.
 *
 * One worker runs a hart and alone touches what is here, with plain accesses. The one exception is
 * `lines`, which devices and other harts change atomically at any time.
 *
 * @module
 */

import { VIRTUAL_TLB_BYTES } from "@guestmem/flatview/vcpu";
import { aligned, array, bytes, CACHE_LINE, defineLayout } from "@guestmem/rcu/layout";

export { BITS, OP } from "./operations.ts";

/** A hart: registers, CSRs and the access that it waits for. */
export const HART = defineLayout({
  /** Integer registers; x[0] stays 0. */
  x: array("u64", 32),
  /** Floating-point registers, singles NaN-boxed. */
  f: array("u64", 32),
  /** Address of the next instruction. */
  pc: "u64",
  /** Current privilege: 0 U, 1 S, 3 M. */
  privilege: "u32",
  /** `frm`, 0 to 7. */
  roundingMode: "u32",
  /** `fflags` between two slices. While the hart runs, the floating-point module holds it. */
  floatFlags: "u32",
  /** Kind of the MMIO access that waits, see {@linkcode MMIO}. */
  mmioKind: "u32",
  /** Its size in bytes: 1, 2, 4 or 8. */
  mmioSize: "u32",
  /** The load's operation and register: what completes it. */
  mmioOperation: "u32",
  mmioRegister: "u32",
  /** Its guest physical address. */
  mmioAddress: "u64",
  /** Its virtual address, which a fault reports. */
  mmioVirtual: "u64",
  /** Where the instruction is: a fault goes back there. */
  mmioPc: "u64",
  /** The value to store; or, before the next slice, the value that was loaded, zero-extended. */
  mmioValue: "u64",
  /** Instructions retired and cycles counted: one each. */
  minstret: "u64",
  mcycle: "u64",
  mcountinhibit: "u64",
  /** Instructions retired since reset, whatever `mcountinhibit` and the guest's writes say. */
  retired: "u64",
  /** Bit 63 (SD) is not kept, it follows from FS. */
  mstatus: "u64",
  mtvec: "u64",
  mscratch: "u64",
  mepc: "u64",
  mcause: "u64",
  mtval: "u64",
  medeleg: "u64",
  mideleg: "u64",
  mie: "u64",
  /** The bits of `mip` that software set: SSIP, STIP, SEIP. */
  softwareInterrupts: "u64",
  mcounteren: "u64",
  menvcfg: "u64",
  mhartid: "u64",
  stvec: "u64",
  sscratch: "u64",
  sepc: "u64",
  scause: "u64",
  stval: "u64",
  satp: "u64",
  scounteren: "u64",
  senvcfg: "u64",
  /** Sstc: STIP is set while `time` is at least this. */
  stimecmp: "u64",
  /** Address registers of PMP, bits 55 to 2 of an address. */
  pmpaddr: array("u64", 16),
  /** Configuration bytes of PMP. */
  pmpcfg: array("u8", 16),
  /** A misaligned load that crosses pages is put together here. */
  scratch: array("u64", 2),
  /** The word that FENCE reads and writes back; always 0. */
  barrier: "u32",
  /** Interrupt lines, as bits of `mip`. */
  lines: aligned(CACHE_LINE, "u32"),
});

/** An entry of a fetch TLB. */
export const FETCH = defineLayout({
  /** Virtual address of the page with an epoch in bits 3 to 11, or all ones. */
  tag: "u64",
  /** Address of the page in this memory. */
  page: "u32",
  reserved: "u32",
});

/** An entry of the cache of guest physical pages. */
export const RESOLVED = defineLayout({
  /** Number of the page, or all ones. */
  tag: "u64",
  /** Address in this memory, with {@linkcode RESOLUTION} in its low bits; 0: no memory here. */
  result: "u32",
  /** What PMP allows on the page, see {@linkcode PROTECTION}; 0: not asked yet. */
  protection: "u32",
});

/** What PMP allows on a page: bits of READ, WRITE, EXECUTE for S and U, then for M. */
export const PROTECTION = {
  MACHINE_SHIFT: 3,
  KNOWN: 1 << 6,
  /** All bytes of the page have the same answer. */
  UNIFORM: 1 << 7,
} as const;

/** Low bits of what `resolve` returns. A page that is LOGGED is writable once `mark` was called for it. */
export const RESOLUTION = { READABLE: 1, WRITABLE: 2, LOGGED: 4 } as const;

/** A page of decoded instructions. */
export const DECODED = defineLayout({
  /** Address of the page that was decoded, plus 1; 0 if none. */
  page: "u32",
  /** Count of `fence.i` at which `copy` was last equal to the page. */
  generation: "u32",
  /** The page as it was decoded. */
  copy: bytes(4096),
  /** An instruction for each halfword: see `decode.as.ts`. */
  entries: array("u64", 2048),
});

/** Bytes of a data TLB; there is one for each of U, S, S with SUM, M. */
export const TLB_BYTES = VIRTUAL_TLB_BYTES;
/** Entries of a fetch TLB; there is one for each privilege. */
export const FETCH_ENTRIES = 512;
/** Entries of the cache of guest physical pages. */
export const RESOLVED_ENTRIES = 2048;

/** What a hart's area holds; `decoded` pages follow, as many as the owner reserves. */
export const AREA = defineLayout({
  hart: aligned(CACHE_LINE, bytes(HART.size)),
  dataTlbs: aligned(CACHE_LINE, bytes(4 * TLB_BYTES)),
  fetchTlbs: aligned(CACHE_LINE, bytes(4 * FETCH_ENTRIES * FETCH.size)),
  resolved: aligned(CACHE_LINE, bytes(RESOLVED_ENTRIES * RESOLVED.size)),
  decoded: aligned(CACHE_LINE, bytes(0)),
});

/** Why a slice ended. */
export const EXIT = {
  /** The budget is used up. */
  BUDGET: 0,
  /** A load of a device: put the value into `mmioValue` and run on. */
  MMIO_LOAD: 1,
  /** A store to a device: take `mmioValue` and run on. */
  MMIO_STORE: 2,
  /** `wfi`, and no enabled interrupt is pending. */
  WFI: 3,
} as const;

/** The state of an MMIO access, in `mmioKind`. */
export const MMIO = {
  NONE: 0,
  LOAD: 1,
  STORE: 2,
  /** Set by the owner instead of an answer: the access fails with an access fault. */
  REFUSED_LOAD: 3,
  REFUSED_STORE: 4,
} as const;
