/**
 * The memory of the allocator's explorations: a heap of two pages with room for four blocks each, three
 * contexts, and a few words of the programs' own.
 *
 * The memory is prepared by the kernel itself, in the real engine: whatever a program begins with, the
 * shipped code has made it.
 *
 * @module
 */

import {
  calls,
  check,
  decodeKernel,
  type MemoryView,
  nameWords,
  type Program,
} from "#tools/explorer/mod.ts";
import { KERNEL_BASE64 } from "../../kernel/heap/bytes.ts";
import { type HeapKernel, instantiateHeapKernel } from "../../kernel/heap/kernel.ts";
import {
  BLOCK,
  BLOCK_STATE,
  CACHE,
  HEAP,
  HEAP_AT,
  LIMBO,
  PAGE,
  PAGE_STATE,
  SLAB,
} from "../../kernel/heap/layouts.ts";
import { KERNEL_BASE64 as RCU_BASE64 } from "../../kernel/bytes.ts";
import type { Kernel } from "../../kernel/kernel.ts";

/** The kernel that is explored. */
export const kernel = decodeKernel(KERNEL_BASE64);
/** Its functions, as steps. */
export const h = calls<HeapKernel>(kernel);
const rcu = decodeKernel(RCU_BASE64);
/** Cells, for what contexts hand to one another. */
export const k = calls<Kernel>(rcu);

/** Tokens of the contexts. */
export const TOKENS = [5, 6, 7] as const;
/** The words that say whether they are attached. */
const WHO = [256, 260, 264] as const;
/** A limbo record. */
export const LIMBO_AT = 272;
/** Words that programs use as they like. */
export const CELLS = [288, 292, 296, 300] as const;
/** Caches of the contexts. */
export const CONTEXTS = [384, 512, 640] as const;
const RECORDS = 768;
const USED = RECORDS + 8 * PAGE.size;
const DEFERRED = USED + 8;
const SHIFT = 8;
/** The pages of the heap. */
export const PAGES = [6, 7] as const;
/** Bytes of the memory. */
const BYTES = 8 << SHIFT;
/** Bytes of a block of the smallest class, of which a page holds four. */
export const SMALL = 32;
/** Bytes of a block that takes both pages. */
export const BOTH = 2 << SHIFT;

/** What a program begins with: by the real kernel, over real memory. */
export type Prepare = (kernel: HeapKernel, u32: Uint32Array) => void;

function image(prepare: Prepare): Uint8Array {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const u32 = new Uint32Array(memory.buffer);
  HEAP.pageShift.set(u32, HEAP_AT, SHIFT);
  HEAP.pages.set(u32, HEAP_AT, 8);
  HEAP.firstPage.set(u32, HEAP_AT, PAGES[0]);
  HEAP.recordsAt.set(u32, HEAP_AT, RECORDS);
  HEAP.usedAt.set(u32, HEAP_AT, USED);
  HEAP.deferredAt.set(u32, HEAP_AT, DEFERRED);
  HEAP.lowFree.set(u32, HEAP_AT, PAGES[0]);
  HEAP.highest.set(u32, HEAP_AT, PAGES[0]);
  for (let page = 0; page < PAGES[0]; page++) {
    u32[PAGE.word.index(RECORDS + page * PAGE.size)] = PAGE_STATE.RESERVED;
  }
  CONTEXTS.forEach((context, index) => {
    const who = TOKENS[index]! | 1 << 30;
    u32[WHO[index]! / 4] = who;
    CACHE.whoAt.set(u32, context, WHO[index]!);
    CACHE.attached.set(u32, context, who);
  });
  prepare(instantiateHeapKernel(memory), u32);
  return new Uint8Array(memory.buffer).slice(0, BYTES);
}

/**
 * Whether an address is in a tag. Visitors and sweeps read tags while the owner of the page stores to them;
 * `begin`, in the kernel, says why any value will do.
 */
function isTag(address: number): boolean {
  const record = address - RECORDS;
  const inRecord = record >= 0 && record < 8 * PAGE.size &&
    record % PAGE.size >= PAGE.body.offset &&
    record % PAGE.size < PAGE.body.offset + 8;
  const offset = address % (1 << SHIFT);
  const inHeader = address >= PAGES[0] << SHIFT && offset < 4 * BLOCK.size;
  return inRecord || inHeader && (offset % BLOCK.size < 8 || offset % BLOCK.size >> 2 === 5);
}

/** What every program has. */
export function setting(prepare: Prepare = () => {}): Omit<Program, "threads"> {
  let prepared: Uint8Array | undefined;
  return {
    kernel,
    helpers: [rcu],
    bytes: BYTES,
    setUp: ({ u8 }) => u8.set(prepared ??= image(prepare)),
    mayRace: isTag,
    nameOf: nameWords([
      ["HEAP", HEAP, HEAP_AT],
      ["LIMBO", LIMBO, LIMBO_AT],
      ...CONTEXTS.map((at, index) => [`CACHE[${index}]`, CACHE, at] as const),
      ...PAGES.flatMap((page) => {
        const at = RECORDS + page * PAGE.size;
        return [[`PAGE[${page}]`, PAGE, at], [`SLAB[${page}]`, SLAB, at + 32]] as const;
      }),
      ["used", 8, USED],
      ["deferredPages", 8, DEFERRED],
      ...PAGES.flatMap((page) =>
        [0, 1, 2, 3].map((index) =>
          [`BLOCK[${page}.${index}]`, BLOCK, (page << SHIFT) + index * BLOCK.size] as const
        )
      ),
      ...CELLS.map((at, index) => [`cell ${index}`, 4, at] as const),
    ]),
  };
}

/** Address of the record of a page. */
function recordOf(page: number): number {
  return RECORDS + page * PAGE.size;
}

function isSet(memory: MemoryView, bitmap: number, bit: number): boolean {
  return ((memory.load32(bitmap + (bit >>> 5) * 4) >>> (bit & 31)) & 1) === 1;
}

/**
 * What must hold when no call is under way: a bit leads to each block that is deferred, and to each that
 * is free in a slab with an owner; the limbo record counts the first.
 */
export function consistent(memory: MemoryView): void {
  let deferred = 0;
  for (const page of PAGES) {
    const record = recordOf(page);
    const state = memory.load32(PAGE.word.at(record)) & 15;
    check(state !== PAGE_STATE.CLAIMED, "a page is claimed, and nobody uses it");
    if (state === PAGE_STATE.RUN && stateAt(memory, record + 32) === BLOCK_STATE.DEFERRED) {
      deferred++;
      check(isSet(memory, DEFERRED, page), "no bit leads to a page with deferred blocks");
    }
    if (state !== PAGE_STATE.SLAB) continue;
    const isOwned = memory.load32(PAGE.word.at(record) + 4) !== 0;
    const count = memory.load32(SLAB.count.at(record + 32)) & 0xffff;
    for (let index = 0; index < count; index++) {
      const block = stateAt(memory, (page << SHIFT) + index * BLOCK.size);
      if (block === BLOCK_STATE.DEFERRED) {
        deferred++;
        check(isSet(memory, PAGE.deferred.at(record), index), "no bit leads to a deferred block");
        check(isSet(memory, DEFERRED, page), "no bit leads to a page with deferred blocks");
      }
      const offered = isSet(memory, PAGE.free.at(record), index);
      if (block !== BLOCK_STATE.FREE) check(!offered || !isOwned, "a block in use is offered");
      else if (isOwned) {
        const announced = isSet(memory, PAGE.remote.at(record), index);
        check(offered || announced, "no bit leads to a free block");
      }
    }
  }
  check(memory.load32(LIMBO.count.at(LIMBO_AT)) === deferred, "deferred blocks are miscounted");
}

function stateAt(memory: MemoryView, header: number): number {
  return memory.load32(BLOCK.tag.at(header)) & 15;
}
