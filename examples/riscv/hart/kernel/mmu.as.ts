// Address translation: Sv39, Sv48 and bare, with PMP.

import {
  HART_MSTATUS, HART_PRIVILEGE, HART_SATP, RESOLUTION_LOGGED, RESOLUTION_READABLE, RESOLUTION_WRITABLE,
} from "./layouts";
import { EXECUTE, pmpAllows, pmpIsUniform, READ, WRITE } from "./pmp.as";
import { resolved, resolvedForStore } from "./resolve.as";
import {
  FETCH_ACCESS, FETCH_PAGE, get, hart, LOAD_ACCESS, LOAD_PAGE, M, MPRV, MXR, refuse, S, STORE_ACCESS,
  STORE_PAGE, SUM, U,
} from "./state.as";

// Bits of a page-table entry
const VALID: u64 = 1;
const READABLE: u64 = 2;
const WRITABLE: u64 = 4;
const EXECUTABLE: u64 = 8;
const USER: u64 = 16;
const ACCESSED: u64 = 64;
const DIRTY: u64 = 128;
/** Set in no entry: the bits of Svnapot and Svpbmt are reserved here. */
const RESERVED: u64 = 0xffc0000000000000;

/** The guest physical address that `translate` found. */
export let physical: u64 = 0;

export function currentPrivilege(): u32 {
  return load<u32>(hart + HART_PRIVILEGE);
}

/** Privilege of loads and stores: MPRV lends that of MPP. */
export function dataPrivilege(): u32 {
  const privilege = currentPrivilege(), mstatus = get(HART_MSTATUS);
  return privilege == M && mstatus & MPRV ? <u32>(mstatus >> 11) & 3 : privilege;
}

function pageFault(access: u32, va: u64): bool {
  refuse(access == READ ? LOAD_PAGE : access == WRITE ? STORE_PAGE : FETCH_PAGE, va);
  return false;
}

export function accessFault(access: u32, va: u64): bool {
  refuse(access == READ ? LOAD_ACCESS : access == WRITE ? STORE_ACCESS : FETCH_ACCESS, va);
  return false;
}

/**
 * Translates an access that does not cross pages and checks its permissions. The address is in
 * `physical`. False: refused, with a trap.
 */
export function translate(va: u64, size: u64, access: u32): bool {
  const privilege = access == EXECUTE ? currentPrivilege() : dataPrivilege();
  const mode = get(HART_SATP) >> 60;
  if (privilege == M || !mode) physical = va;
  else if (!walk(va, access, privilege, mode == 8 ? 3 : 4)) return false;
  return pmpAllows(physical, size, access, privilege) || accessFault(access, va);
}

/** Whether a TLB may keep the page of the last translation. */
export function isCacheable(): bool {
  return pmpIsUniform(physical & ~0xfff);
}

/** Walks the page table from the root, and again if another hart changed the leaf. */
function walk(va: u64, access: u32, privilege: u32, levels: i32): bool {
  const unused: i64 = 64 - 12 - 9 * levels;
  if (<u64>(<i64>(va << unused) >> unused) != va) return pageFault(access, va);
  let again = true;
  while (again) {
    again = false;
    let table = (get(HART_SATP) & 0xfffffffffff) << 12;
    for (let level = levels - 1; level >= 0; level--) {
      const at = table + ((va >> (12 + 9 * level)) & 511) * 8;
      const entry = pteAddress(at);
      if (entry == NO_ENTRY) return accessFault(access, va);
      const pte = atomic.load<u64>(entry);
      if (!isWellFormed(pte)) return pageFault(access, va);
      table = (pte >> 10) << 12;
      if (!(pte & (READABLE | WRITABLE | EXECUTABLE))) continue;

      const offset = (<u64>1 << (12 + 9 * level)) - 1;
      if (table & offset & ~0xfff || !permits(pte, access, privilege)) return pageFault(access, va);
      const marked = pte | ACCESSED | (access == WRITE ? DIRTY : 0);
      if (marked != pte) {
        if (!isWritable) return accessFault(access, va);
        resolvedForStore(at);
        // Another hart, or its walk, changed the entry since we read it: what we checked is old.
        if (atomic.cmpxchg<u64>(entry, pte, marked) != pte) {
          again = true;
          break;
        }
      }
      physical = table | (va & offset);
      return true;
    }
  }
  return pageFault(access, va);
}

const NO_ENTRY: usize = 0xffffffff;

/** Whether the entry that `pteAddress` found may be written. */
let isWritable: bool = false;

/** The address in this memory of a page-table entry; NO_ENTRY if there is no memory or PMP forbids. */
function pteAddress(address: u64): usize {
  const page = resolved(address);
  isWritable = (page & (RESOLUTION_WRITABLE | RESOLUTION_LOGGED)) != 0 && pmpAllows(address, 8, WRITE, S);
  if (!(page & RESOLUTION_READABLE) || !pmpAllows(address, 8, READ, S)) return NO_ENTRY;
  return <usize>(page & ~0xfff) + (<usize>address & 0xfff);
}

/** Whether an entry is valid and sets nothing reserved. */
function isWellFormed(pte: u64): bool {
  if (!(pte & VALID) || pte & RESERVED || (pte & (READABLE | WRITABLE)) == WRITABLE) return false;
  const isLeaf = (pte & (READABLE | WRITABLE | EXECUTABLE)) != 0;
  return isLeaf || !(pte & (USER | ACCESSED | DIRTY));
}

/** Whether a leaf permits an access. */
function permits(pte: u64, access: u32, privilege: u32): bool {
  const mstatus = get(HART_MSTATUS);
  if (privilege == U && !(pte & USER)) return false;
  if (privilege == S && pte & USER && (access == EXECUTE || !(mstatus & SUM))) return false;
  if (access == WRITE) return (pte & WRITABLE) != 0;
  if (access == EXECUTE) return (pte & EXECUTABLE) != 0;
  return (pte & READABLE) != 0 || (mstatus & MXR && pte & EXECUTABLE) != 0;
}
