// Loads and stores of floating-point registers.

import { box } from "../fp/fp.as";
import { HART_F, HART_MSTATUS } from "./layouts";
import { loadAddress, REFUSED, storeValue } from "./memory.as";
import { dirtyFloat, floatIsOff, get, hart, ILLEGAL, refuse } from "./state.as";

/** FLW and FLD. `register` is the offset of a register. False: refused. */
export function floatLoad(isDouble: bool, register: usize, va: u64): bool {
  if (floatIsOff()) return refuseIllegal();
  const address = isDouble ? loadAddress<u64>(va) : loadAddress<u32>(va);
  if (address == REFUSED) return false;
  const value = isDouble ? load<u64>(address) : box(load<u32>(address));
  store<u64>(hart + HART_F + register, value);
  dirtyFloat();
  return true;
}

/** FSW and FSD. */
export function floatStore(isDouble: bool, register: usize, va: u64): bool {
  if (floatIsOff()) return refuseIllegal();
  const value = load<u64>(hart + HART_F + register);
  return isDouble ? storeValue<u64>(va, value) : storeValue<u32>(va, value);
}

/** Its trap value is 0, as the manual admits: the decoded form no longer has the instruction. */
function refuseIllegal(): bool {
  refuse(ILLEGAL, 0);
  return false;
}
