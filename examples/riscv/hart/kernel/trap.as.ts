// Taking traps and interrupts, and returning from them.

import { dropReservation } from "./atomics.as";
import { now } from "./counters.as";
import { selectFetchTlb } from "./fetch.as";
import {
  HART_LINES, HART_MCAUSE, HART_MEDELEG, HART_MENVCFG, HART_MEPC, HART_MIDELEG, HART_MIE, HART_MSTATUS,
  HART_MTVAL, HART_MTVEC, HART_PC, HART_PRIVILEGE, HART_SCAUSE, HART_SEPC, HART_SOFTWARE_INTERRUPTS,
  HART_STIMECMP, HART_STVAL, HART_STVEC,
} from "./layouts";
import { selectDataTlb } from "./memory.as";
import { currentPrivilege } from "./mmu.as";
import {
  get, hart, INTERRUPT, M, MIE, MPIE, MPP, MPRV, S, set, SIE, SPIE, SPP, STI, U,
} from "./state.as";

const STCE: u64 = 1 << 63;

/** `mip`: what devices, software and the supervisor's timer ask for. */
export function pendingInterrupts(): u64 {
  const fromOutside = <u64>atomic.load<u32>(hart + HART_LINES) | get(HART_SOFTWARE_INTERRUPTS);
  if (!(get(HART_MENVCFG) & STCE)) return fromOutside;
  return (fromOutside & ~STI) | (now() >= get(HART_STIMECMP) ? STI : 0);
}

/** Takes the most urgent interrupt that is pending and enabled. False: there is none. */
export function takeInterrupt(): bool {
  const enabled = get(HART_MIE);
  if (!enabled) return false;
  const ready = pendingInterrupts() & enabled;
  if (!ready) return false;
  const privilege = currentPrivilege(), mstatus = get(HART_MSTATUS), delegated = get(HART_MIDELEG);
  let candidates = privilege < M || mstatus & MIE ? ready & ~delegated : 0;
  if (!candidates && (privilege < S || (privilege == S && mstatus & SIE))) {
    candidates = ready & delegated;
  }
  if (!candidates) return false;
  trap(INTERRUPT | mostUrgent(candidates), 0);
  return true;
}

/** In the order of the manual: external, software, timer; machine before supervisor. */
function mostUrgent(interrupts: u64): u64 {
  if (interrupts & 1 << 11) return 11;
  if (interrupts & 1 << 3) return 3;
  if (interrupts & 1 << 7) return 7;
  if (interrupts & 1 << 9) return 9;
  if (interrupts & 1 << 1) return 1;
  return 5;
}

/** Enters the handler of a cause. `pc` is that of the instruction that traps or is interrupted. */
export function trap(cause: u64, value: u64): void {
  const isInterrupt = (cause & INTERRUPT) != 0;
  const delegated = get(isInterrupt ? HART_MIDELEG : HART_MEDELEG);
  const privilege = currentPrivilege(), mstatus = get(HART_MSTATUS), pc = get(HART_PC);
  let vector: u64;
  if (privilege <= S && (delegated >> (cause & 63)) & 1) {
    set(HART_SCAUSE, cause);
    set(HART_SEPC, pc);
    set(HART_STVAL, value);
    const kept = mstatus & ~(SIE | SPIE | SPP);
    set(HART_MSTATUS, kept | (mstatus & SIE ? SPIE : 0) | (privilege == S ? SPP : 0));
    vector = get(HART_STVEC);
    enter(S);
  } else {
    set(HART_MCAUSE, cause);
    set(HART_MEPC, pc);
    set(HART_MTVAL, value);
    const kept = mstatus & ~(MIE | MPIE | MPP);
    set(HART_MSTATUS, kept | (mstatus & MIE ? MPIE : 0) | (<u64>privilege << 11));
    vector = get(HART_MTVEC);
    enter(M);
  }
  const isVectored = isInterrupt && (vector & 1) != 0;
  set(HART_PC, (vector & ~3) + (isVectored ? (cause & 63) << 2 : 0));
}

/** Changes the privilege. */
export function enter(privilege: u32): void {
  store<u32>(hart + HART_PRIVILEGE, privilege);
  selectDataTlb();
  selectFetchTlb();
}

/** Returns to the privilege and the interrupt enable that mstatus has kept. */
export function machineReturn(): void {
  const mstatus = get(HART_MSTATUS), privilege = <u32>(mstatus >> 11) & 3;
  const kept = mstatus & ~(MIE | MPP | (privilege == M ? 0 : MPRV));
  set(HART_MSTATUS, kept | MPIE | (mstatus & MPIE ? MIE : 0));
  set(HART_PC, get(HART_MEPC));
  dropReservation();
  enter(privilege);
}

export function supervisorReturn(): void {
  const mstatus = get(HART_MSTATUS);
  const kept = mstatus & ~(SIE | SPP | MPRV);
  set(HART_MSTATUS, kept | SPIE | (mstatus & SPIE ? SIE : 0));
  set(HART_PC, get(HART_SEPC));
  dropReservation();
  enter(mstatus & SPP ? S : U);
}
