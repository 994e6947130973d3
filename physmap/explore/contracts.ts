/**
 * What the walk of a map finds, with one thread: a published map is never written, so there is no more
 * to explore. The map has two nodes: a root whose slots are 2^17 bytes each, and one of pages of 2^8.
 * A second map has a root of the topmost level, whose slots are 2^62 bytes each.
 *
 * @module
 */

import { calls, check, decodeKernel, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { KERNEL_BASE64 } from "../kernel/bytes.ts";
import {
  CONTAINER,
  DISPATCH,
  MAGIC,
  NIL,
  NODE_BYTES,
  SECTION,
  SECTION_FLAG,
  SKIP_BITS,
} from "../kernel/layouts.ts";

/** The kernel's functions, with truth as a number. */
interface Kernel {
  find(dispatch: number, address: number, resolve: number): number;
  findAt(dispatch: number, high: number, low: number, resolve: number): number;
  findAll(dispatch: number, addresses: number, results: number, count: number): number;
  // What the explorer needs to see in a record of functions.
  readonly [name: string]: (...args: number[]) => number;
}

const kernel = decodeKernel(KERNEL_BASE64);
const k = calls<Kernel>(kernel);

/** The memory ends where a page of WebAssembly does, at 2^31: what is beyond looks negative. */
const END = 2 ** 31;
const ORIGIN = END - 7616;
const D = ORIGIN;
/** The sections; a subpage table; the addresses and the results of `findAll`. */
const ROWS = D + DISPATCH.size + 2 * NODE_BYTES;
const SUBPAGES = ROWS + 8 * SECTION.size;
const ADDRESSES = SUBPAGES + 512;
const RESULTS = ADDRESSES + 192;
/** The magic number where no dispatch can lie: they are aligned to 64 bytes. */
const CROOKED = [ORIGIN + 5249, ORIGIN + 5344] as const;
/** The dispatch of the second map. Its rows have high numbers, and are those of the first. */
const TOP = ORIGIN + 5440;
const TOP_SECTIONS = 2 ** 25;
/** A dispatch in the last 64 bytes: its only section is row 0 of the first. */
const LAST = END - DISPATCH.size;

const row = (section: number) => ROWS + section * SECTION.size;
const leaf = (section: number) => (section << SKIP_BITS) >>> 0;
const node = (number: number, skip: number) => number << SKIP_BITS | skip;

/** The first and the last address of each section. */
const SECTIONS: readonly (readonly [first: bigint, last: bigint])[] = [
  [0n, 2n ** 64n - 1n],
  [0x20000n, 0x3ffffn],
  [0n, 0xffn],
  [0x100n, 0x1ffn],
  [0x1ff00n, 0x1ff7fn],
  [2n ** 63n + 0x60000n, 2n ** 63n + 0x7ffffn],
  [0x80000n, 2n ** 64n - 1n],
  [0x800a_0000n, 0x800b_ffffn],
];

/** The page container, and who has the bytes of its page; a number that would be negative with a sign. */
const PAGE = 0x100;
const CONTAINER_SECTION = 3;
const SUBPAGE: Readonly<Record<number, number>> = { 0: 2, 0x10: 6, 0x20: 0xfff1, 0xff: 1 };

/** What `findAll` is asked for, and the sections that it finds. */
const ASKED: readonly (readonly [address: bigint, section: number])[] = [
  [0x20005n, 1],
  [0x110n, 6],
  [2n ** 63n + 0x80000n, 6],
  [0x300n, 0],
  [0x20000n, 1],
  [0x3ffffn, 1],
  [0x40000n, 0],
  [0x1ff7fn, 4],
  [0x1ff80n, 0],
  [0x120n, 0xfff1],
  [2n ** 63n + 0x60000n, 5],
  [0x60000n, 0],
  [0x80000n, 6],
  [0n, 2],
  [0x100n, 2],
  [0x1ffn, 1],
  [0x800a_0000n, 7],
  [0xffn, 2],
];

function setUp(u8: Uint8Array, u32: Uint32Array): void {
  const view = new DataView(u8.buffer);
  for (const at of [D - ORIGIN, TOP - ORIGIN, LAST - ORIGIN]) {
    DISPATCH.magic.set(u32, at, MAGIC);
    DISPATCH.pageBits.set(u32, at, 8);
    DISPATCH.levels.set(u32, at, 7);
    DISPATCH.sectionsAt.set(u32, at, ROWS - ORIGIN - at);
  }
  for (const at of CROOKED) view.setUint32(at - ORIGIN, MAGIC, true);
  DISPATCH.root.set(u32, D - ORIGIN, node(0, 6));
  DISPATCH.root.set(u32, TOP - ORIGIN, node(0, 1));
  DISPATCH.sectionsAt.set(u32, TOP - ORIGIN, ROWS - TOP - TOP_SECTIONS * SECTION.size);
  u32[(TOP - ORIGIN + DISPATCH.size) / 4] = leaf(TOP_SECTIONS + 1);
  u32[(TOP - ORIGIN + DISPATCH.size) / 4 + 2] = leaf(TOP_SECTIONS + 5);
  const entry = (number: number, slot: number, value: number) => {
    u32[(D - ORIGIN + DISPATCH.size + number * NODE_BYTES) / 4 + slot] = value;
  };
  entry(0, 0, node(1, 1));
  entry(0, 1, leaf(1));
  entry(0, 2, node(NIL, 1));
  entry(0, 3, leaf(5));
  entry(0, 4, leaf(6));
  entry(0, 5, leaf(7));
  entry(0, 511, leaf(1));
  entry(1, 0, leaf(2));
  entry(1, 1, leaf(3));
  entry(1, 511, leaf(4));
  SECTIONS.forEach(([first, last], section) => {
    const at = row(section) - ORIGIN;
    view.setBigUint64(SECTION.first.at(at), first, true);
    view.setBigUint64(SECTION.last.at(at), last, true);
    // What belongs to the caller, all of it.
    SECTION.flags.set(
      u32,
      at,
      section === CONTAINER_SECTION ? SECTION_FLAG.CONTAINER : 0x7fff_ffff,
    );
  });
  CONTAINER.table.set(u32, row(CONTAINER_SECTION) - ORIGIN, SUBPAGES - D);
  for (const [byte, section] of Object.entries(SUBPAGE)) {
    view.setUint16(SUBPAGES - ORIGIN + 2 * Number(byte), section, true);
  }
  ASKED.forEach(([address], at) => view.setBigUint64(ADDRESSES - ORIGIN + 8 * at, address, true));
}

/** What is found at an address that both functions take, page containers resolved or not. */
function* finds(address: number, section: number, container = section): Steps {
  const [high, low] = [Math.floor(address / 2 ** 32), address % 2 ** 32];
  yield* run(findsAt, high, low, section, container);
  yield* run(is, yield* k.find(D, address, 1), section, address);
  yield* run(is, yield* k.find(D, address, 0), container, address);
}

function* findsAt(high: number, low: number, section: number, container = section): Steps {
  yield* run(is, yield* k.findAt(D, high, low, 1), section, low);
  yield* run(is, yield* k.findAt(D, high, low, 0), container, low);
}

// deno-lint-ignore require-yield
function* is(found: number, section: number, address: number): Steps {
  const wanted = section < 0 ? 0 : row(section);
  check(found >>> 0 === wanted, `${address} is found in ${found >>> 0} instead of ${wanted}`);
}

function* walks(): Steps {
  yield* run(finds, 0x20000, 1);
  yield* run(finds, 0x3ffff, 1);
  yield* run(finds, 0, 2);
  yield* run(finds, 0xff, 2);
  // A page that is found for part of its addresses, and one that is not found.
  yield* run(finds, 0x1ff7f, 4);
  yield* run(finds, 0x1ff80, 0);
  yield* run(finds, 0x200, 0);
  yield* run(finds, 0x40000, 0);
  // The same slot of the root, with other bits above it.
  yield* run(finds, 2 ** 26 + 0x20000, 0);
  yield* run(finds, 511 * 0x20000, 0);
  yield* run(finds, 2 ** 53 - 1, 0);
}

function* subpages(): Steps {
  for (const [byte, section] of Object.entries(SUBPAGE)) {
    yield* run(finds, PAGE + Number(byte), section, CONTAINER_SECTION);
  }
  yield* run(finds, PAGE + 0x11, 0, CONTAINER_SECTION);
}

/** Addresses from 2^63 on, and sections that begin or end there. */
function* far(): Steps {
  yield* run(finds, 0x60000, 0);
  yield* run(finds, 0x80000, 6);
  yield* run(findsAt, 2 ** 31, 0x60000, 5);
  yield* run(findsAt, 2 ** 31, 0x7ffff, 5);
  yield* run(findsAt, 2 ** 31, 0x80000, 6);
  yield* run(findsAt, 2 ** 32 - 1, 0x80000, 6);
  yield* run(findsAt, 2 ** 32 - 1, 0x6_0000, 0);
  yield* run(findsAt, 1, 0xe0080000, 6);
  yield* run(finds, 0x800a_0000, 7);
}

/** A root that no level is skipped above: its slot is the topmost bits of the address. */
function* topmost(): Steps {
  yield* run(is, yield* k.find(TOP, 0x20000, 1), 1, 0x20000);
  yield* run(is, yield* k.findAt(TOP, 0, 0x20000, 1), 1, 0x20000);
  yield* run(is, yield* k.findAt(TOP, 2 ** 31, 0x60000, 1), 5, 2 ** 63);
  const far = ADDRESSES + 8 * ASKED.findIndex(([_, section]) => section === 5);
  check((yield* k.findAll(TOP, far, RESULTS, 1)) === 1, "findAll in the second map");
}

/** What is no address and what is no dispatch. */
function* refusals(): Steps {
  for (
    const address of [-1, 0.5, 0x20000 + 0.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 63, 2 ** 64]
  ) {
    yield* run(is, yield* k.find(D, address, 1), -1, address);
  }
  const none = [D + 4, D + 32, D + DISPATCH.size, END - 32, END, END + 64, 2 ** 32 - 64];
  for (const at of [...none, ...CROOKED]) {
    yield* run(is, yield* k.find(at, 0x20000, 1), -1, at);
    yield* run(is, yield* k.findAt(at, 0, 0x20000, 1), -1, at);
    const done = yield* k.findAll(at, ADDRESSES, RESULTS, ASKED.length);
    check(done === 0, `findAll finds a dispatch at ${at}`);
  }
  yield* run(is, yield* k.find(LAST, 0x20000, 1), 0, LAST);
  yield* run(is, yield* k.findAt(LAST, 0, 0x20000, 1), 0, LAST);
  check((yield* k.findAll(LAST, ADDRESSES, RESULTS, 1)) === 1, "findAll at the end of the memory");
}

function* all(): Steps {
  const done = yield* k.findAll(D, ADDRESSES, RESULTS, ASKED.length);
  check(done === 1, "findAll finds no dispatch");
  check((yield* k.findAll(D, ADDRESSES, RESULTS, 0)) === 1, "findAll of nothing");
}

function contract(script: () => Steps): Program {
  return {
    kernel,
    bytes: END - ORIGIN,
    origin: ORIGIN,
    setUp: ({ u8, u32 }) => setUp(u8, u32),
    threads: [{ name: "caller", script }],
  };
}

/** The contracts by name. */
export const contracts: Readonly<Record<string, Program>> = {
  "walks": contract(walks),
  "subpages": contract(subpages),
  "far addresses": contract(far),
  "the topmost level": {
    ...contract(topmost),
    atEnd: ({ load32 }) => check(load32(RESULTS) === row(5), "the result is of section 5"),
  },
  "refusals": contract(refusals),
  "many at once": {
    ...contract(all),
    atEnd: ({ load32 }) => {
      ASKED.forEach(([_, section], at) => {
        check(load32(RESULTS + 4 * at) === row(section), `result ${at} is of section ${section}`);
      });
      check(load32(RESULTS + 4 * ASKED.length) === 0, "no more than was asked for");
    },
  },
};
