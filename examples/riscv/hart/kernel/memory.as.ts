// Loads and stores of guest memory: the TLBs of data, and what happens on a miss.

import {
  addressIn, canLoad, canStore, clearTables, entryOf, fill,
} from "@guestmem/flatview/vcpu/assembly/virtual_tlb.as";
import {
  HART_MMIO_ADDRESS, HART_MMIO_KIND, HART_MMIO_SIZE, HART_MMIO_VALUE, HART_MMIO_VIRTUAL, HART_MSTATUS,
  HART_SCRATCH, MMIO_LOAD, MMIO_STORE, RESOLUTION_READABLE, RESOLUTION_WRITABLE, TLB_BYTES,
} from "./layouts";
import { accessFault, dataPrivilege, isCacheable, physical, translate } from "./mmu.as";
import { READ, WRITE } from "./pmp.as";
import { resolved, resolvedForStore } from "./resolve.as";
import {
  get, hart, LOAD_MISALIGNED, M, refuse, refuseForMmio, S, set, STORE_MISALIGNED, SUM,
} from "./state.as";

/** No address: the access was refused. Address 0 may be guest memory. */
export const REFUSED: usize = 0xffffffff;

/** All data TLBs; the one in use. */
let tables: usize = 0;
let table: usize = 0;

export function setDataTlbs(address: usize): void {
  tables = address;
}

/** Overwrites all entries. */
export function clearDataTlbs(): void {
  clearTables(tables, 4);
}

/** Takes the TLB of the present privilege, MPRV and SUM: changing them flushes nothing. */
export function selectDataTlb(): void {
  const privilege = dataPrivilege();
  const index = privilege == S && get(HART_MSTATUS) & SUM ? 2 : privilege == M ? 3 : privilege;
  table = tables + <usize>index * TLB_BYTES;
}

/** The address to load a T from, or REFUSED. */
// @ts-ignore: decorator
@inline
export function loadAddress<T>(va: u64): usize {
  const entry = entryOf(table, va);
  if (canLoad<T>(entry, va)) return addressIn(entry, va);
  return missedLoad(va, sizeof<T>());
}

/** Stores a T. False: refused. */
// @ts-ignore: decorator
@inline
export function storeValue<T>(va: u64, value: u64): bool {
  const entry = entryOf(table, va);
  if (canStore<T>(entry, va)) {
    store<T>(addressIn(entry, va), <T>value);
    return true;
  }
  return missedStore(va, value, sizeof<T>());
}

/** The address for an atomic access of a size: aligned, and to memory. REFUSED otherwise. */
export function atomicAddress(va: u64, size: u32, access: u32): usize {
  if (va & (size - 1)) {
    refuse(access == READ ? LOAD_MISALIGNED : STORE_MISALIGNED, va);
    return REFUSED;
  }
  const entry = entryOf(table, va);
  // Aligned: that the page is entered is all to ask.
  const hits = access == READ ? canLoad<u8>(entry, va) : canStore<u8>(entry, va);
  if (hits) return addressIn(entry, va);
  const address = missed(va, size, access);
  if (address == NO_MEMORY) accessFault(access, va);
  return address == NO_MEMORY ? REFUSED : address;
}

/** A load of the given size that may go anywhere and leaves nothing but its faults. */
export function missedLoad(va: u64, size: u32): usize {
  if ((va & 0xfff) + size > 4096) return loadAcross(va, size);
  const address = missed(va, size, READ);
  if (address != NO_MEMORY) return address;
  askDevice(MMIO_LOAD, va, size);
  return REFUSED;
}

function missedStore(va: u64, value: u64, size: u32): bool {
  if ((va & 0xfff) + size > 4096) return storeAcross(va, value, size);
  const address = missed(va, size, WRITE);
  if (address == REFUSED) return false;
  if (address == NO_MEMORY) {
    set(HART_MMIO_VALUE, size == 8 ? value : value & ((<u64>1 << (size * 8)) - 1));
    askDevice(MMIO_STORE, va, size);
    return false;
  }
  if (size == 1) store<u8>(address, <u8>value);
  else if (size == 2) store<u16>(address, <u16>value);
  else if (size == 4) store<u32>(address, <u32>value);
  else store<u64>(address, value);
  return true;
}

/** A device answers there. Not an address of memory either: no access fits behind it. */
const NO_MEMORY: usize = 0xfffffffe;

/** Translates an access within a page and fills the TLB. Its address, REFUSED or NO_MEMORY. */
function missed(va: u64, size: u32, access: u32): usize {
  if (!translate(va, size, access)) return REFUSED;
  const page = access == WRITE ? resolvedForStore(physical) : resolved(physical);
  const wanted = access == WRITE ? RESOLUTION_WRITABLE : RESOLUTION_READABLE;
  if (!(page & wanted)) return NO_MEMORY;
  const host = <usize>(page & ~0xfff);
  if (isCacheable()) fill(table, va, host, access == WRITE);
  return host + (<usize>va & 0xfff);
}

/** Describes an access to a device, by the address just translated. */
function askDevice(kind: u32, va: u64, size: u32): void {
  store<u32>(hart + HART_MMIO_KIND, kind);
  store<u32>(hart + HART_MMIO_SIZE, size);
  set(HART_MMIO_ADDRESS, physical);
  set(HART_MMIO_VIRTUAL, va);
  refuseForMmio();
}

// ---- across pages -----------------------------------------------------------------------------

/** Where both parts of an access across pages are. */
let firstPart: usize = 0;
let secondPart: usize = 0;
let firstSize: u32 = 0;

/** Finds both parts before either is touched, so that a fault leaves nothing half done. */
function findParts(va: u64, size: u32, access: u32): bool {
  firstSize = 4096 - (<u32>va & 0xfff);
  const next = va + firstSize;
  firstPart = missed(va, firstSize, access);
  if (firstPart == REFUSED) return false;
  secondPart = missed(next, size - firstSize, access);
  if (secondPart == REFUSED) return false;
  // No device takes half of an access.
  return firstPart != NO_MEMORY && secondPart != NO_MEMORY || accessFault(access, va);
}

function loadAcross(va: u64, size: u32): usize {
  if (!findParts(va, size, READ)) return REFUSED;
  memory.copy(hart + HART_SCRATCH, firstPart, firstSize);
  memory.copy(hart + HART_SCRATCH + firstSize, secondPart, size - firstSize);
  return hart + HART_SCRATCH;
}

function storeAcross(va: u64, value: u64, size: u32): bool {
  if (!findParts(va, size, WRITE)) return false;
  store<u64>(hart + HART_SCRATCH, value);
  memory.copy(firstPart, hart + HART_SCRATCH, firstSize);
  memory.copy(secondPart, hart + HART_SCRATCH + firstSize, size - firstSize);
  return true;
}
