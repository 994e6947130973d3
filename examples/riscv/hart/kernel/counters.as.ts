// The counters and the clock. A cycle is an instruction.

import { HART_MCOUNTINHIBIT, HART_MCYCLE, HART_MINSTRET, HART_RETIRED } from "./layouts";
import { get, set } from "./state.as";

/** The owner's `mtime`, in ticks. */
// @ts-ignore: decorator
@external("env", "time")
declare function time(): f64;

export function now(): u64 {
  return <u64>time();
}

/** Counts retired instructions. The run loop does so before anyone can look. */
export function count(instructions: u64): void {
  set(HART_RETIRED, get(HART_RETIRED) + instructions);
  const inhibited = get(HART_MCOUNTINHIBIT);
  if (!(inhibited & 1)) set(HART_MCYCLE, get(HART_MCYCLE) + instructions);
  if (!(inhibited & 4)) set(HART_MINSTRET, get(HART_MINSTRET) + instructions);
}
