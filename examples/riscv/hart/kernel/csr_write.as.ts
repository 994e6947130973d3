// Writing CSRs: each keeps the bits that it has (WARL).

import { setFlags } from "../fp/fp.as";
import { isEventCounter, setCsrExists, SSTATUS } from "./csr_read.as";
import { flushTranslations } from "./flush.as";
import {
  HART_MCAUSE, HART_MCOUNTEREN, HART_MCOUNTINHIBIT, HART_MCYCLE, HART_MEDELEG, HART_MENVCFG, HART_MEPC,
  HART_MIDELEG, HART_MIE, HART_MINSTRET, HART_MSCRATCH, HART_MSTATUS, HART_MTVAL, HART_MTVEC,
  HART_ROUNDING_MODE, HART_SATP, HART_SCAUSE, HART_SCOUNTEREN, HART_SENVCFG, HART_SEPC,
  HART_SOFTWARE_INTERRUPTS, HART_SSCRATCH, HART_STIMECMP, HART_STVAL, HART_STVEC,
} from "./layouts";
import { selectDataTlb } from "./memory.as";
import { writePmpAddress, writePmpConfiguration } from "./pmp.as";
import { dirtyFloat, get, hart, MPP, MXR, SEI, set, SSI, STI } from "./state.as";

/** Exceptions that may be delegated: all but calls from M. */
const DELEGABLE: u64 = 0xb3ff;
const SUPERVISOR_INTERRUPTS: u64 = SSI | STI | SEI;
const ALL_INTERRUPTS: u64 = 0xaaa;
/** What mstatus has: SIE MIE SPIE MPIE SPP MPP FS MPRV SUM MXR TVM TW TSR. */
const MSTATUS: u64 = 0x7e79aa;
const FIOM: u64 = 1;
const STCE: u64 = 1 << 63;

/** Writes a CSR that was read and that the current privilege may write. */
export function writeCsr(csr: u32, value: u64): void {
  if (csr >= 0x3b0 && csr <= 0x3bf) {
    writePmpAddress(csr - 0x3b0, value);
    flushTranslations();
    return;
  }
  if (isEventCounter(csr)) return;
  if (csr & 0x200) writeMachine(csr, value);
  else writeSupervisor(csr, value);
}

function writeMachine(csr: u32, value: u64): void {
  switch (csr) {
    case 0x300: writeStatus(MSTATUS, value); break;
    case 0x301: case 0x7a0: case 0x7a1: case 0x7a2: case 0x7a3: break;
    case 0x302: set(HART_MEDELEG, value & DELEGABLE); break;
    case 0x303: set(HART_MIDELEG, value & SUPERVISOR_INTERRUPTS); break;
    case 0x304: set(HART_MIE, value & ALL_INTERRUPTS); break;
    case 0x305: writeVector(HART_MTVEC, value); break;
    case 0x306: set(HART_MCOUNTEREN, <u32>value); break;
    case 0x30a: set(HART_MENVCFG, value & (FIOM | STCE)); break;
    case 0x320: set(HART_MCOUNTINHIBIT, value & 5); break;
    case 0x340: set(HART_MSCRATCH, value); break;
    case 0x341: set(HART_MEPC, value & ~1); break;
    case 0x342: set(HART_MCAUSE, value); break;
    case 0x343: set(HART_MTVAL, value); break;
    case 0x344: set(HART_SOFTWARE_INTERRUPTS, value & SUPERVISOR_INTERRUPTS); break;
    case 0x3a0: writePmpConfiguration(0, value); flushTranslations(); break;
    case 0x3a2: writePmpConfiguration(8, value); flushTranslations(); break;
    // The instruction that writes is itself counted afterwards.
    case 0xb00: set(HART_MCYCLE, value - 1); break;
    case 0xb02: set(HART_MINSTRET, value - 1); break;
    default: setCsrExists(false);
  }
}

function writeSupervisor(csr: u32, value: u64): void {
  switch (csr) {
    case 0x001: writeFloat(load<u32>(hart + HART_ROUNDING_MODE), <u32>value & 31); break;
    case 0x002: store<u32>(hart + HART_ROUNDING_MODE, <u32>value & 7); dirtyFloat(); break;
    case 0x003: writeFloat((<u32>value >> 5) & 7, <u32>value & 31); break;
    case 0x100: writeStatus(SSTATUS & MSTATUS, value); break;
    case 0x104: replace(HART_MIE, get(HART_MIDELEG), value); break;
    case 0x105: writeVector(HART_STVEC, value); break;
    case 0x106: set(HART_SCOUNTEREN, <u32>value); break;
    case 0x10a: set(HART_SENVCFG, value & FIOM); break;
    case 0x140: set(HART_SSCRATCH, value); break;
    case 0x141: set(HART_SEPC, value & ~1); break;
    case 0x142: set(HART_SCAUSE, value); break;
    case 0x143: set(HART_STVAL, value); break;
    case 0x144: replace(HART_SOFTWARE_INTERRUPTS, get(HART_MIDELEG) & SSI, value); break;
    case 0x14d: set(HART_STIMECMP, value); break;
    case 0x180: writeTranslation(value); break;
    default: setCsrExists(false);
  }
}

/** Replaces the bits of a mask. */
function replace(field: usize, mask: u64, value: u64): void {
  set(field, (get(field) & ~mask) | (value & mask));
}

/** Privilege 2 does not exist: MPP stays. Only MXR changes what a TLB may hold. */
function writeStatus(mask: u64, value: u64): void {
  if ((value & MPP) == <u64>2 << 11) mask &= ~MPP;
  const before = get(HART_MSTATUS);
  replace(HART_MSTATUS, mask, value);
  if ((before ^ get(HART_MSTATUS)) & MXR) flushTranslations();
  selectDataTlb();
}

/** Modes above 1 are reserved. */
function writeVector(field: usize, value: u64): void {
  if ((value & 3) < 2) set(field, value);
}

/** satp: a mode other than Bare, Sv39 and Sv48 makes the write do nothing. */
function writeTranslation(value: u64): void {
  const mode = value >> 60;
  if (mode != 0 && mode != 8 && mode != 9) return;
  set(HART_SATP, value);
  flushTranslations();
}

function writeFloat(roundingMode: u32, accrued: u32): void {
  store<u32>(hart + HART_ROUNDING_MODE, roundingMode);
  setFlags(accrued);
  dirtyFloat();
}
