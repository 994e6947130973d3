// The A extension, on WebAssembly's atomics: all of them are sequentially consistent, whatever aq
// and rl say.
//
// A reservation is the value that LR loaded: SC compares and exchanges it. Between the two, another
// hart may have changed the word and changed it back; the manual's SC would fail there, ours succeeds
// (QEMU's as well).

import { HART_BARRIER } from "./layouts";
import { atomicAddress, REFUSED } from "./memory.as";
import { READ, WRITE } from "./pmp.as";
import { hart, ILLEGAL, readX, refuse, writeX } from "./state.as";

/** Address in this memory of the reserved word, or REFUSED; its size. SC of another size fails. */
let reserved: usize = 0xffffffff;
let reservedSize: i32 = 0;
let reservedValue: u64 = 0;

const LR: u32 = 2;
const SC: u32 = 3;

/** Forgets the reservation. */
export function dropReservation(): void {
  reserved = REFUSED;
}

/** Executes an instruction of opcode AMO with funct3 2 (W) or 3 (D). False: refused. */
export function atomicInstruction(i: u32): bool {
  const kind = i >> 27, isDouble = (i & 0x1000) != 0, rs2 = (i >> 20) & 31;
  if (!isKnown(kind) || (kind == LR && rs2)) {
    refuse(ILLEGAL, i);
    return false;
  }
  const address = atomicAddress(readX((i >> 15) & 31), isDouble ? 8 : 4, kind == LR ? READ : WRITE);
  if (address == REFUSED) return false;
  const value = readX(rs2), rd = (i >> 7) & 31;
  if (isDouble) {
    writeX(rd, execute<u64>(kind, address, value));
  } else {
    const result = execute<u32>(kind, address, <u32>value);
    writeX(rd, <u64><i64><i32>result);
  }
  return true;
}

function isKnown(kind: u32): bool {
  return kind <= 4 || (kind & 3) == 0;
}

/** What goes to rd: the old value, or whether SC failed. */
function execute<T>(kind: u32, address: usize, value: T): T {
  switch (kind) {
    case LR: {
      const old = atomic.load<T>(address);
      reserved = address;
      reservedSize = sizeof<T>();
      reservedValue = <u64>old;
      return old;
    }
    case SC: {
      const expected = <T>reservedValue, mayStore = reserved == address && reservedSize == sizeof<T>();
      reserved = REFUSED;
      return <T>!(mayStore && atomic.cmpxchg<T>(address, expected, value) == expected);
    }
    case 0x00: return atomic.add<T>(address, value);
    case 0x01: return atomic.xchg<T>(address, value);
    case 0x04: return atomic.xor<T>(address, value);
    case 0x08: return atomic.or<T>(address, value);
    case 0x0c: return atomic.and<T>(address, value);
    default: return chooseBetween<T>(kind, address, value);
  }
}

/** AMOMIN and its kin, for which WebAssembly has no instruction. */
function chooseBetween<T>(kind: u32, address: usize, value: T): T {
  while (true) {
    const old = atomic.load<T>(address);
    const chosen = choose<T>(kind, old, value);
    if (atomic.cmpxchg<T>(address, old, chosen) == old) return old;
  }
}

function choose<T>(kind: u32, a: T, b: T): T {
  const isLess = kind & 8 ? a < b : sizeof<T>() == 4 ? <i32>a < <i32>b : <i64>a < <i64>b;
  // 0x10 and 0x18 are minima, 0x14 and 0x1c maxima.
  return isLess == !(kind & 4) ? a : b;
}

/**
 * Executes FENCE: an atomic read-modify-write that changes nothing. `atomic.fence` would say it, but
 * AssemblyScript 0.28 emits it with an order that its optimiser takes for no order, and drops it.
 */
export function fence(): void {
  atomic.add<u32>(hart + HART_BARRIER, 0);
}
