// Physical memory protection: 16 entries, granules of 4 bytes.

import {
  HART_PMPADDR, HART_PMPCFG, PROTECTION_KNOWN, PROTECTION_MACHINE_SHIFT, PROTECTION_UNIFORM,
  RESOLVED_PROTECTION,
} from "./layouts";
import { flushResolved, pageEntry } from "./resolve.as";
import { hart, M, S } from "./state.as";

/** Kinds of access, as the permission bits of an entry. */
export const READ: u32 = 1;
export const WRITE: u32 = 2;
export const EXECUTE: u32 = 4;

const ENTRIES: u32 = 16;
const TOR: u32 = 1;
const NA4: u32 = 2;
const LOCKED: u32 = 0x80;

export function pmpConfiguration(entry: u32): u32 {
  return load<u8>(hart + HART_PMPCFG + entry);
}

export function pmpAddress(entry: u32): u64 {
  return load<u64>(hart + HART_PMPADDR + (<usize>entry << 3));
}

/** First byte of the range found by `hasRange`, and the byte after its last. */
let first: u64 = 0;
let end: u64 = 0;

/** Finds the range of an entry. False: the entry is off. */
function hasRange(entry: u32): bool {
  const mode = (pmpConfiguration(entry) >> 3) & 3;
  if (!mode) return false;
  const address = pmpAddress(entry);
  if (mode == TOR) {
    first = entry ? pmpAddress(entry - 1) << 2 : 0;
    end = address << 2;
  } else {
    // NAPOT: n trailing ones stand for a range of 2^(n + 3) bytes.
    const size: u64 = mode == NA4 ? 4 : <u64>8 << ctz<u64>(~address);
    first = (address << 2) & ~(size - 1);
    end = first + size;
  }
  return true;
}

/**
 * Whether an access, which does not cross pages, is allowed. The search through the entries is made once
 * for a page that they do not cut.
 */
export function pmpAllows(address: u64, size: u64, access: u32, privilege: u32): bool {
  const known = protection(address);
  if (!(known & PROTECTION_UNIFORM)) return search(address, size, access, privilege);
  return ((privilege == M ? known >> PROTECTION_MACHINE_SHIFT : known) & access) == access;
}

/** Whether all bytes of a page have the same answer: only then may a TLB keep it. */
export function pmpIsUniform(page: u64): bool {
  return (protection(page) & PROTECTION_UNIFORM) != 0;
}

/** What is known of the page of an address: bits of PROTECTION. */
function protection(address: u64): u32 {
  const entry = pageEntry(address);
  const known = load<u32>(entry + RESOLVED_PROTECTION);
  if (known) return known;
  const found = searchPage(address & ~0xfff);
  store<u32>(entry + RESOLVED_PROTECTION, found);
  return found;
}

function searchPage(page: u64): u32 {
  if (!isUniform(page)) return PROTECTION_KNOWN;
  let found: u32 = PROTECTION_KNOWN | PROTECTION_UNIFORM;
  for (let access = READ; access <= EXECUTE; access <<= 1) {
    if (search(page, 4096, access, S)) found |= access;
    if (search(page, 4096, access, M)) found |= access << PROTECTION_MACHINE_SHIFT;
  }
  return found;
}

/**
 * Whether an access is allowed. The first entry that matches any byte decides, and must match all.
 * Without a match only M mode may.
 */
function search(address: u64, size: u64, access: u32, privilege: u32): bool {
  for (let entry: u32 = 0; entry < ENTRIES; entry++) {
    if (!hasRange(entry) || address >= end || address + size <= first) continue;
    if (address < first || address + size > end) return false;
    const configuration = pmpConfiguration(entry);
    return (configuration & access) == access || (privilege == M && !(configuration & LOCKED));
  }
  return privilege == M;
}

function isUniform(page: u64): bool {
  for (let entry: u32 = 0; entry < ENTRIES; entry++) {
    if (!hasRange(entry) || page >= end || page + 4096 <= first) continue;
    return page >= first && page + 4096 <= end;
  }
  return true;
}

/** Writes eight configuration bytes, from entry `from` on. Locked ones stay. */
export function writePmpConfiguration(from: u32, value: u64): void {
  for (let entry = from; entry < from + 8; entry++) {
    const wanted = <u32>(value >> ((entry - from) << 3)) & 0x9f;
    // W without R is reserved.
    const isReserved = (wanted & (READ | WRITE)) == WRITE;
    if (pmpConfiguration(entry) & LOCKED || isReserved) continue;
    store<u8>(hart + HART_PMPCFG + entry, <u8>wanted);
  }
  flushResolved();
}

/** Writes an address register, unless its entry is locked or the top of a locked range is next. */
export function writePmpAddress(entry: u32, value: u64): void {
  if (pmpConfiguration(entry) & LOCKED) return;
  if (entry + 1 < ENTRIES) {
    const next = pmpConfiguration(entry + 1);
    if (next & LOCKED && ((next >> 3) & 3) == TOR) return;
  }
  store<u64>(hart + HART_PMPADDR + (<usize>entry << 3), value & 0x3fffffffffffff);
  flushResolved();
}
