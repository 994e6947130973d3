// Accesses to devices: the run loop leaves with a description in the state, the owner performs the
// access, and the next slice completes the instruction with the value.

import { box } from "../fp/fp.as";
import { count } from "./counters.as";
import {
  HART_F, HART_MMIO_KIND, HART_MMIO_OPERATION, HART_MMIO_PC, HART_MMIO_REGISTER, HART_MMIO_VALUE,
  HART_MMIO_VIRTUAL, HART_PC, HART_X, MMIO_LOAD, MMIO_NONE, MMIO_REFUSED_LOAD, MMIO_REFUSED_STORE,
  OP_FLD, OP_FLW, OP_LB, OP_LBU, OP_LD, OP_LH, OP_LHU, OP_LOAD_NOTHING, OP_LW, OP_LWU,
} from "./layouts";
import { dirtyFloat, get, hart, LOAD_ACCESS, set, STORE_ACCESS } from "./state.as";
import { trap } from "./trap.as";

/**
 * Notes what completes the access. The instruction counts as done: `pc` is behind it.
 *
 * @param register Offset of rd in its file.
 */
export function suspend(pc: u64, length: u64, operation: i32, register: u32): void {
  store<u32>(hart + HART_MMIO_OPERATION, operation);
  store<u32>(hart + HART_MMIO_REGISTER, register);
  set(HART_MMIO_PC, pc);
  set(HART_PC, pc + length);
}

/** Completes the access that ended the last slice, if one did. */
export function resume(): void {
  const kind = load<u32>(hart + HART_MMIO_KIND);
  if (kind == MMIO_NONE) return;
  store<u32>(hart + HART_MMIO_KIND, MMIO_NONE);
  if (kind == MMIO_REFUSED_LOAD || kind == MMIO_REFUSED_STORE) {
    count(-1);
    set(HART_PC, get(HART_MMIO_PC));
    trap(kind == MMIO_REFUSED_LOAD ? LOAD_ACCESS : STORE_ACCESS, get(HART_MMIO_VIRTUAL));
  } else if (kind == MMIO_LOAD) {
    completeLoad(load<u32>(hart + HART_MMIO_OPERATION), load<u32>(hart + HART_MMIO_REGISTER));
  }
}

function completeLoad(operation: i32, register: usize): void {
  const value = get(HART_MMIO_VALUE);
  if (operation == OP_LOAD_NOTHING) return;
  if (operation == OP_FLW || operation == OP_FLD) {
    store<u64>(hart + HART_F + register, operation == OP_FLW ? box(<u32>value) : value);
    dirtyFloat();
  } else {
    store<u64>(hart + HART_X + register, extended(operation, value));
  }
}

/** The value as a register holds it. */
function extended(operation: i32, value: u64): u64 {
  switch (operation) {
    case OP_LB: return <u64><i64><i8>value;
    case OP_LH: return <u64><i64><i16>value;
    case OP_LW: return <u64><i64><i32>value;
    case OP_LBU: return value & 0xff;
    case OP_LHU: return value & 0xffff;
    case OP_LWU: return value & 0xffffffff;
    default: return value;
  }
}
