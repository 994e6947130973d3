// Instructions of opcode SYSTEM: CSRs, calls, returns, `wfi` and `sfence.vma`.

import { csrExists, readCsr } from "./csr_read.as";
import { writeCsr } from "./csr_write.as";
import { flushTranslations } from "./flush.as";
import { HART_MCOUNTEREN, HART_MENVCFG, HART_MIE, HART_MSTATUS, HART_PC, HART_SCOUNTEREN,
  HART_SOFTWARE_INTERRUPTS } from "./layouts";
import { currentPrivilege } from "./mmu.as";
import {
  BREAKPOINT, CALL_FROM_U, floatIsOff, get, ILLEGAL, M, readX, refuse, S, set, TSR, TVM, TW, U, writeX,
} from "./state.as";
import { machineReturn, pendingInterrupts, supervisorReturn } from "./trap.as";

/** What an instruction leads to. */
export const REFUSED: i32 = 0;
/** `pc` is set: fetch anew. */
export const DONE: i32 = 1;
/** The same, but sleep. */
export const SLEEP: i32 = 2;

const ECALL: u32 = 0x00000073;
const EBREAK: u32 = 0x00100073;
const SRET: u32 = 0x10200073;
const WFI: u32 = 0x10500073;
const MRET: u32 = 0x30200073;

/** Executes an instruction of the given length; `pc` is in the state and moves on. */
export function systemInstruction(i: u32, length: u32): i32 {
  if ((i >> 12) & 3) return accessCsr(i, length);
  if (i == ECALL) return refuseWith(CALL_FROM_U + currentPrivilege(), 0);
  if (i == EBREAK) return refuseWith(BREAKPOINT, 0);
  if (i == MRET) {
    if (currentPrivilege() < M) return refuseWith(ILLEGAL, i);
    machineReturn();
    return DONE;
  }
  if (i == SRET) {
    if (isForbidden(TSR)) return refuseWith(ILLEGAL, i);
    supervisorReturn();
    return DONE;
  }
  if (i == WFI) {
    if (isForbidden(TW)) return refuseWith(ILLEGAL, i);
    advance(length);
    return pendingInterrupts() & get(HART_MIE) ? DONE : SLEEP;
  }
  // sfence.vma
  if ((i & 0xfe007fff) == 0x12000073 && !isForbidden(TVM)) {
    flushTranslations();
    advance(length);
    return DONE;
  }
  return refuseWith(ILLEGAL, i);
}

function advance(length: u32): void {
  set(HART_PC, get(HART_PC) + length);
}

function refuseWith(cause: u64, value: u64): i32 {
  refuse(cause, value);
  return REFUSED;
}

/** Whether U mode, or S mode under a trap bit of mstatus, may not do this. */
function isForbidden(trapBit: u64): bool {
  const privilege = currentPrivilege();
  return privilege == U || (privilege == S && (get(HART_MSTATUS) & trapBit) != 0);
}

/** CSRRW, CSRRS, CSRRC and their immediate forms. */
function accessCsr(i: u32, length: u32): i32 {
  const csr = i >> 20, rd = (i >> 7) & 31, rs1 = (i >> 15) & 31, kind = (i >> 12) & 3;
  const writes = kind == 1 || rs1 != 0;
  if (!mayAccess(csr, writes)) return refuseWith(ILLEGAL, i);
  const operand = i & 0x4000 ? rs1 : readX(rs1);
  const before = readCsr(csr);
  if (!csrExists) return refuseWith(ILLEGAL, i);
  if (writes) {
    const base = writtenBack(csr, before);
    writeCsr(csr, kind == 1 ? operand : kind == 2 ? base | operand : base & ~operand);
    if (!csrExists) return refuseWith(ILLEGAL, i);
  }
  writeX(rd, before);
  advance(length);
  return DONE;
}

/** What CSRRS and CSRRC modify: of mip, not the interrupts that devices hold up. */
function writtenBack(csr: u32, value: u64): u64 {
  return csr == 0x344 || csr == 0x144 ? get(HART_SOFTWARE_INTERRUPTS) : value;
}

/** Whether the privilege and the rules of single CSRs admit an access. */
function mayAccess(csr: u32, writes: bool): bool {
  const privilege = currentPrivilege();
  if (privilege < ((csr >> 8) & 3) || (writes && csr >= 0xc00)) return false;
  if (csr <= 3) return !floatIsOff();
  if (csr == 0x180) return !isForbidden(TVM);
  if (csr == 0x14d) return privilege == M || (get(HART_MENVCFG) >> 63 != 0 && counterIsOn(1, privilege));
  if (csr >= 0xc00 && csr < 0xc20) return counterIsOn(csr & 31, privilege);
  return true;
}

/** Whether a counter is shown to a privilege. */
function counterIsOn(counter: u32, privilege: u32): bool {
  if (privilege == M) return true;
  const shown = privilege == S ? get(HART_MCOUNTEREN) : get(HART_MCOUNTEREN) & get(HART_SCOUNTEREN);
  return ((shown >> counter) & 1) != 0;
}
