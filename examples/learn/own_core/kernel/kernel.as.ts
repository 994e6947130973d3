// A CPU core with seven instructions. It shows how a core in WebAssembly reaches guest memory: through a
// TLB in its own memory, which also holds the guest's RAM. At a miss it asks for the page; what is not
// memory ends the slice, and the owner performs the access.

import {
  addressIn, beginEpoch, canLoad, canStore, clearTables, entryOf, fill,
} from "@guestmem/flatview/vcpu/assembly/virtual_tlb.as";
import {
  CORE_ADDRESS, CORE_PC, CORE_REGISTER, CORE_TLB, CORE_VALUE, CORE_X, EXIT_BUDGET, EXIT_FAULT, EXIT_LOAD,
  EXIT_STORE, EXIT_WAIT, OP_ADD, OP_BRANCH, OP_LOAD, OP_SET, OP_SHIFT, OP_STORE, OP_WAIT,
  ACCESS_LOAD, ACCESS_STORE,
} from "./layouts";

/**
 * The owner's answer for a page: its address in this memory if the core may access it as `wanted`, one of
 * ACCESS, says; else NO_MEMORY.
 */
// @ts-ignore: decorator
@external("env", "resolve")
declare function resolve(pageLow: u32, pageHigh: u32, wanted: u32): u32;

/** Address of the core's area. One instance of the module runs one core. */
let core: usize = 0;

export function attach(area: usize): void {
  core = area;
  flush();
}

/** Drops all translations. */
export function flush(): void {
  if (beginEpoch()) clearTables(core + CORE_TLB, 1);
}

const NO_MEMORY: usize = 0xffffffff;

/** The address in this memory of an aligned T to load. */
function loadAddress<T>(va: u64): usize {
  const entry = entryOf(core + CORE_TLB, va);
  return canLoad<T>(entry, va) ? addressIn(entry, va) : missed(va, ACCESS_LOAD);
}

function storeAddress<T>(va: u64): usize {
  const entry = entryOf(core + CORE_TLB, va);
  return canStore<T>(entry, va) ? addressIn(entry, va) : missed(va, ACCESS_STORE);
}

/** A miss. There is no page table: virtual pages are guest physical pages. */
function missed(va: u64, wanted: u32): usize {
  if (va & 7) return NO_MEMORY; // split by the owner
  const host = <usize>resolve(<u32>(va >> 12), <u32>(va >> 44), wanted);
  if (host == NO_MEMORY) return NO_MEMORY;
  fill(core + CORE_TLB, va, host, wanted == ACCESS_STORE);
  return host + (<usize>va & 0xfff);
}

function x(register: u32): u64 {
  return load<u64>(core + (<usize>register << 3), CORE_X);
}

function setX(register: u32, value: u64): void {
  store<u64>(core + (<usize>register << 3), value, CORE_X);
}

/** Leaves for the owner. */
function exit(kind: i32, pc: u64, address: u64, register: u32): i32 {
  store<u64>(core, pc, CORE_PC);
  store<u64>(core, address, CORE_ADDRESS);
  store<u32>(core, register, CORE_REGISTER);
  return kind;
}

/** Runs at most `budget` instructions. Returns one of EXIT. */
export function run(budget: i32): i32 {
  let pc = load<u64>(core, CORE_PC);
  for (; budget > 0; budget--) {
    // Instructions have four bytes, and entries are filled by eight.
    const at = loadAddress<u32>(pc & ~7);
    if (at == NO_MEMORY) return exit(EXIT_FAULT, pc, pc, 0);
    const instruction = load<u32>(at + (<usize>pc & 4));
    const a = (instruction >> 8) & 15, b = (instruction >> 12) & 15;
    const immediate = <i64>(<i32>instruction >> 16);
    pc += 4;
    switch (instruction & 255) {
      case OP_SET: setX(a, immediate); break;
      case OP_SHIFT: setX(a, x(b) << immediate); break;
      case OP_ADD: setX(a, x(b) + immediate); break;
      case OP_BRANCH: {
        if (x(a) != x(b)) pc += immediate - 4;
        break;
      }
      case OP_LOAD: {
        const from = loadAddress<u64>(x(b) + immediate);
        if (from == NO_MEMORY) return exit(EXIT_LOAD, pc, x(b) + immediate, a);
        setX(a, load<u64>(from));
        break;
      }
      case OP_STORE: {
        const to = storeAddress<u64>(x(b) + immediate);
        if (to == NO_MEMORY) {
          store<u64>(core, x(a), CORE_VALUE);
          return exit(EXIT_STORE, pc, x(b) + immediate, a);
        }
        store<u64>(to, x(a));
        break;
      }
      case OP_WAIT: return exit(EXIT_WAIT, pc, 0, 0);
      default: return exit(EXIT_FAULT, pc - 4, pc - 4, 0);
    }
  }
  return exit(EXIT_BUDGET, pc, 0, 0);
}
