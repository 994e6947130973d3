// Reading CSRs.

import { flags } from "../fp/fp.as";
import { now } from "./counters.as";
import {
  HART_MCAUSE, HART_MCOUNTEREN, HART_MCOUNTINHIBIT, HART_MCYCLE, HART_MEDELEG, HART_MENVCFG, HART_MEPC,
  HART_MHARTID, HART_MIDELEG, HART_MIE, HART_MINSTRET, HART_MSCRATCH, HART_MSTATUS, HART_MTVAL,
  HART_MTVEC, HART_PMPCFG, HART_ROUNDING_MODE, HART_SATP, HART_SCAUSE, HART_SCOUNTEREN, HART_SENVCFG,
  HART_SEPC, HART_SSCRATCH, HART_STIMECMP, HART_STVAL, HART_STVEC,
} from "./layouts";
import { pmpAddress } from "./pmp.as";
import { FS, get, hart } from "./state.as";
import { pendingInterrupts } from "./trap.as";

/** RV64 with A, C, D, F, I, M, S and U. */
const MISA: u64 = (<u64>2 << 62) | 0x14112d;
/** SXL and UXL: 64 bits. */
const XL: u64 = <u64>0xa << 32;
const UXL: u64 = <u64>2 << 32;
const SD: u64 = <u64>1 << 63;
/** The bits of mstatus that sstatus shows. */
export const SSTATUS: u64 = 0xde762;

/** Whether the number of the last `readCsr` or `writeCsr` is that of a CSR. */
export let csrExists: bool = true;

export function setCsrExists(exists: bool): void {
  csrExists = exists;
}

function unknown(): u64 {
  csrExists = false;
  return 0;
}

/** The value of a CSR that the current privilege may read. */
export function readCsr(csr: u32): u64 {
  csrExists = true;
  if (csr >= 0x3b0 && csr <= 0x3bf) return pmpAddress(csr - 0x3b0);
  if (isEventCounter(csr)) return 0;
  return csr & 0x200 ? readMachine(csr) : readSupervisor(csr);
}

/** hpmcounter, mhpmcounter and mhpmevent 3 to 31: they count nothing. */
export function isEventCounter(csr: u32): bool {
  const base = csr & ~31;
  return (csr & 31) >= 3 && (base == 0xc00 || base == 0xb00 || base == 0x320);
}

function machineStatus(): u64 {
  const mstatus = get(HART_MSTATUS);
  return mstatus | ((mstatus & FS) == FS ? SD : 0);
}

function readMachine(csr: u32): u64 {
  switch (csr) {
    case 0x300: return machineStatus() | XL;
    case 0x301: return MISA;
    case 0x302: return get(HART_MEDELEG);
    case 0x303: return get(HART_MIDELEG);
    case 0x304: return get(HART_MIE);
    case 0x305: return get(HART_MTVEC);
    case 0x306: return get(HART_MCOUNTEREN);
    case 0x30a: return get(HART_MENVCFG);
    case 0x320: return get(HART_MCOUNTINHIBIT);
    case 0x340: return get(HART_MSCRATCH);
    case 0x341: return get(HART_MEPC);
    case 0x342: return get(HART_MCAUSE);
    case 0x343: return get(HART_MTVAL);
    case 0x344: return pendingInterrupts();
    case 0x3a0: return load<u64>(hart + HART_PMPCFG);
    case 0x3a2: return load<u64>(hart + HART_PMPCFG + 8);
    // tselect, tdata1 to tdata3 and tinfo: type 0, there is no trigger.
    case 0x7a0: case 0x7a1: case 0x7a2: case 0x7a3: case 0x7a4: return 0;
    case 0xb00: return get(HART_MCYCLE);
    case 0xb02: return get(HART_MINSTRET);
    // mvendorid, marchid, mimpid and mconfigptr: not implemented.
    case 0xf11: case 0xf12: case 0xf13: case 0xf15: return 0;
    case 0xf14: return get(HART_MHARTID);
    default: return unknown();
  }
}

/** CSRs of the supervisor and the user. */
function readSupervisor(csr: u32): u64 {
  switch (csr) {
    case 0x001: return flags();
    case 0x002: return load<u32>(hart + HART_ROUNDING_MODE);
    case 0x003: return load<u32>(hart + HART_ROUNDING_MODE) << 5 | flags();
    case 0x100: return (machineStatus() & (SSTATUS | SD)) | UXL;
    case 0x104: return get(HART_MIE) & get(HART_MIDELEG);
    case 0x105: return get(HART_STVEC);
    case 0x106: return get(HART_SCOUNTEREN);
    case 0x10a: return get(HART_SENVCFG);
    case 0x140: return get(HART_SSCRATCH);
    case 0x141: return get(HART_SEPC);
    case 0x142: return get(HART_SCAUSE);
    case 0x143: return get(HART_STVAL);
    case 0x144: return pendingInterrupts() & get(HART_MIDELEG);
    case 0x14d: return get(HART_STIMECMP);
    case 0x180: return get(HART_SATP);
    case 0xc00: return get(HART_MCYCLE);
    case 0xc01: return now();
    case 0xc02: return get(HART_MINSTRET);
    default: return unknown();
  }
}
