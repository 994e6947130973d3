// Pages of code: the fetch TLB and the cache of decoded pages.
//
// A store to code shows only after `fence.i`. That neither drops decoded pages nor watches stores: it
// counts a generation, and a page that is entered with an older one is compared with the copy it was
// decoded from. Linux runs `fence.i` some hundred thousand times while it boots, and nearly all
// comparisons find nothing.

import { decode } from "./decode.as";
import { decodeCompressed } from "./decode_compressed.as";
import { epoch } from "@guestmem/flatview/vcpu/assembly/virtual_tlb.as";
import {
  DECODED_COPY, DECODED_ENTRIES, DECODED_GENERATION, DECODED_PAGE, DECODED_SIZE, FETCH_ENTRIES,
  FETCH_PAGE, FETCH_SIZE, FETCH_TAG, OP_UNDECODED, RESOLUTION_READABLE,
} from "./layouts";
import { accessFault, currentPrivilege, isCacheable, physical, translate } from "./mmu.as";
import { EXECUTE } from "./pmp.as";
import { resolved } from "./resolve.as";

/** All fetch TLBs; the one in use. */
let tables: usize = 0;
let table: usize = 0;
/** Decoded pages, and how many less one: their number is a power of two. */
let decoded: usize = 0;
let decodedMask: u32 = 0;
let generation: u32 = 1;

export function setFetch(tlbs: usize, pages: usize, count: u32): void {
  tables = tlbs;
  decoded = pages;
  decodedMask = count - 1;
}

/** Overwrites all entries of the fetch TLBs. */
export function clearFetchTlbs(): void {
  memory.fill(tables, 0xff, 4 * FETCH_ENTRIES * FETCH_SIZE);
}

export function selectFetchTlb(): void {
  table = tables + <usize>currentPrivilege() * FETCH_ENTRIES * FETCH_SIZE;
}

/** Executes `fence.i`. */
export function fenceInstructions(): void {
  generation++;
}

/** No page: the fetch was refused. */
const REFUSED: usize = 0xffffffff;

/** Whether PMP gives parts of the page entered last different answers. */
export let isCut: bool = false;

/** The address in this memory of the page that `at` is on. */
function codePage(at: u64): usize {
  const page = at & ~0xfff;
  const entry = table + (<usize>(page >> 12) & (FETCH_ENTRIES - 1)) * FETCH_SIZE;
  isCut = false;
  if (load<u64>(entry + FETCH_TAG) == (page | epoch)) return load<u32>(entry + FETCH_PAGE);
  // An instruction is fetched by halfwords, as far as PMP's granules are concerned.
  if (!translate(at, 2, EXECUTE)) return REFUSED;
  const result = resolved(physical);
  if (!(result & RESOLUTION_READABLE)) {
    accessFault(EXECUTE, at);
    return REFUSED;
  }
  const address = <usize>(result & ~0xfff);
  isCut = !isCacheable();
  if (!isCut) {
    store<u64>(entry + FETCH_TAG, page | epoch);
    store<u32>(entry + FETCH_PAGE, <u32>address);
  }
  return address;
}

/**
 * The decoded instructions of the page that `pc` is on: one for each halfword. 0: refused. If the page
 * `isCut`, this is the answer for the instruction at `pc` alone.
 */
export function enterCode(pc: u64): usize {
  const page = codePage(pc);
  if (page == REFUSED) return 0;
  const slot = decodedPage(page);
  if (isCut && !mayFetchRest(pc, slot)) return 0;
  return slot + DECODED_ENTRIES;
}

/** Whether PMP admits the second half of an instruction within a page. */
function mayFetchRest(pc: u64, slot: usize): bool {
  const offset = <usize>pc & 0xfff;
  if (offset == 0xffe || (load<u16>(slot + DECODED_COPY + offset) & 3) != 3) return true;
  return translate(pc + 2, 2, EXECUTE);
}

function decodedPage(page: usize): usize {
  const number = <u32>(page >> 12);
  const slot = decoded + <usize>((number ^ (number >> 9)) & decodedMask) * DECODED_SIZE;
  const isThere = load<u32>(slot + DECODED_PAGE) == <u32>page + 1;
  if (isThere && load<u32>(slot + DECODED_GENERATION) == generation) return slot;
  if (!isThere || differs(slot + DECODED_COPY, page)) {
    memory.copy(slot + DECODED_COPY, page, 4096);
    memory.fill(slot + DECODED_ENTRIES, <u8>OP_UNDECODED, 2048 * 8);
    store<u32>(slot + DECODED_PAGE, <u32>page + 1);
  }
  store<u32>(slot + DECODED_GENERATION, generation);
  return slot;
}

/** Whether two pages differ. By 32 bytes: pages are compared some hundred thousand times. */
function differs(a: usize, b: usize): bool {
  for (const end = a + 4096; a < end; a += 32, b += 32) {
    const difference = (load<u64>(a) ^ load<u64>(b)) | (load<u64>(a, 8) ^ load<u64>(b, 8)) |
      (load<u64>(a, 16) ^ load<u64>(b, 16)) | (load<u64>(a, 24) ^ load<u64>(b, 24));
    if (difference) return true;
  }
  return false;
}

/**
 * Decodes the instruction at `pc`, whose entry is `entry` of `entries`, and enters it. One that
 * crosses to the next page is decoded each time, since its second half may change without its first.
 * 0: that half cannot be fetched.
 */
export function decodeAt(pc: u64, entries: usize, entry: usize): u64 {
  const code = entries - DECODED_ENTRIES + DECODED_COPY + (<usize>pc & 0xfff);
  const low = <u32>load<u16>(code);
  if ((low & 3) != 3) {
    const result = decodeCompressed(low);
    store<u64>(entry, result);
    return result;
  }
  if ((<u32>pc & 0xfff) == 0xffe) return decodeAcross(pc, low);
  const result = decode(low | <u32>load<u16>(code, 2) << 16);
  store<u64>(entry, result);
  return result;
}

function decodeAcross(pc: u64, low: u32): u64 {
  const next = codePage(pc + 2);
  if (next == REFUSED) return 0;
  return decode(low | <u32>load<u16>(decodedPage(next) + DECODED_COPY) << 16);
}
