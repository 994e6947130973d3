/**
 * What the walk of a map finds, with one thread. Two maps share a node of height 3, which has a node of
 * height 2 below it, and that one of height 1. One map begins with it; the other with a node that
 * covers all addresses.
 *
 * @module
 */

import { calls, check, decodeKernel, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { KERNEL_BASE64 } from "../kernel/bytes.ts";
import { DISPATCH, MAGIC, MAX_HEIGHT, NODE_BYTES, SECTION } from "../kernel/layouts.ts";

/** The kernel's functions, with truth as a number. */
interface Kernel {
  find(dispatch: number, address: number): number;
  findAt(dispatch: number, high: number, low: number): number;
  findAll(dispatch: number, addresses: number, results: number, count: number): number;
  // What the explorer needs to see in a record of functions.
  readonly [name: string]: (...args: number[]) => number;
}

const kernel = decodeKernel(KERNEL_BASE64);
const k = calls<Kernel>(kernel);

/** The first and the last address of each section; of section 0 there is one in each dispatch. */
const SECTIONS: readonly (readonly [first: bigint, last: bigint])[] = [
  [0n, 2n ** 64n - 1n],
  [0n, 0x3fffn],
  [0xff00n, 0xff7fn],
  [0x1f_c000n, 0x1f_ffffn],
  [0x4080n, 0x40ffn],
  [0x7f80n, 0x7fffn],
  [0x4000n, 0x4000n],
  [0x4001n, 0x4001n],
  [0x407fn, 0x407fn],
  [2n ** 63n + 0x6_0000n, 2n ** 63n + 0x7_ffffn],
  [15n << 60n, 2n ** 64n - 1n],
  [0x8000_0000_0000n, 0x8000_ffff_ffffn],
  [7n << 60n, (9n << 60n) + 0xffn],
  [0x100n, 2n ** 64n - 1n],
];

/** The memory ends where a page of WebAssembly does, at 2^31: what is beyond looks negative. */
const END = 2 ** 31;
const ORIGIN = END - 3904;
/** The map that begins with the node of height 3. */
const D = ORIGIN;
/** The map that begins with the node of all addresses. */
const TOP = D + DISPATCH.size;
/** Maps of one section, without a node. */
const FAR_ALONE = TOP + DISPATCH.size;
const MOST_ALONE = FAR_ALONE + DISPATCH.size;
const NODES = MOST_ALONE + DISPATCH.size;
const HIGHEST = NODES, UPPER = HIGHEST + NODE_BYTES, HIGH = UPPER + NODE_BYTES;
const MIDDLE = HIGH + NODE_BYTES, LOW = MIDDLE + NODE_BYTES;
const ROWS = LOW + NODE_BYTES;
/** The addresses and the results of `findAll`. */
const ADDRESSES = ROWS + SECTIONS.length * SECTION.size;
const RESULTS = ADDRESSES + 256;
/** The magic number where no dispatch can lie: they are aligned to 64 bytes. */
const CROOKED = [ORIGIN + 3713, ORIGIN + 3744] as const;
/** A dispatch without nodes in the last 64 bytes. */
const LAST = END - DISPATCH.size;

const row = (section: number) => ROWS + section * SECTION.size;

/** What each node has in which slots. */
const ENTRIES: readonly (readonly [node: number, slot: number, entry: number])[] = [
  [HIGHEST, 0, HIGH | 3],
  [HIGHEST, 1, UPPER | 9],
  [UPPER, 0, row(9)],
  [UPPER, 16, row(12)],
  [UPPER, 112, row(10)],
  [UPPER, 127, row(10)],
  [HIGH, 0, row(1)],
  [HIGH, 1, MIDDLE | 2],
  [HIGH, 2, row(12)],
  [HIGH, 3, row(2)],
  [HIGH, 4, row(11)],
  [HIGH, 127, row(3)],
  [MIDDLE, 0, LOW | 1],
  [MIDDLE, 1, row(4)],
  [MIDDLE, 127, row(5)],
  [LOW, 0, row(6)],
  [LOW, 1, row(7)],
  [LOW, 127, row(8)],
];

/** Addresses, and the sections that have them in the first map. */
const FOUND: readonly (readonly [address: number, section: number])[] = [
  [0, 1],
  [0x3fff, 1],
  [0x4000, 6],
  [0x4001, 7],
  [0x4002, 0],
  [0x407f, 8],
  [0x4080, 4],
  [0x40ff, 4],
  [0x4100, 0],
  [0x7f7f, 0],
  [0x7f80, 5],
  [0x7fff, 5],
  [0x8000, 0],
  // A section that has part of its slot.
  [0xfeff, 0],
  [0xff00, 2],
  [0xff7f, 2],
  [0xff80, 0],
  [0x1f_c000, 3],
  [0x1f_ffff, 3],
  // The same slots, with other bits above them.
  [0x20_0000, 0],
  [0x20_4000, 0],
  [2 ** 32 + 0x4001, 0],
  [2 ** 53 - 1, 0],
  [0x8000_0001_0000, 11],
  [0x8000_0001_4000, 0],
];

function setUp(u8: Uint8Array, u32: Uint32Array, asked: readonly bigint[]): void {
  const view = new DataView(u8.buffer);
  const dispatches = [
    [D, HIGH | 3],
    [TOP, HIGHEST | MAX_HEIGHT],
    [FAR_ALONE, row(9)],
    [MOST_ALONE, row(13)],
    [LAST, 0],
  ] as const;
  for (const [dispatch, root] of dispatches) {
    DISPATCH.magic.set(u32, dispatch - ORIGIN, MAGIC);
    DISPATCH.root.set(u32, dispatch - ORIGIN, root);
  }
  for (const at of CROOKED) view.setUint32(at - ORIGIN, MAGIC, true);
  for (const [node, slot, entry] of ENTRIES) u32[(node - ORIGIN) / 4 + slot] = entry;
  SECTIONS.forEach(([first, last], section) => {
    view.setBigUint64(SECTION.first.at(row(section)) - ORIGIN, first, true);
    view.setBigUint64(SECTION.last.at(row(section)) - ORIGIN, last, true);
  });
  asked.forEach((address, at) => {
    view.setBigUint64(ADDRESSES - ORIGIN + 8 * at, address, true);
  });
}

/** Where a section lies; -1 stands for none at all. */
function sectionAt(dispatch: number, section: number): number {
  if (section < 0) return 0;
  return section === 0 ? DISPATCH.unassigned.at(dispatch) : row(section);
}

/** What is found at an address by both functions that take one. */
function* finds(dispatch: number, address: number, section: number): Steps {
  const [high, low] = [Math.floor(address / 2 ** 32), address % 2 ** 32];
  yield* run(findsAt, dispatch, high, low, section);
  yield* run(is, yield* k.find(dispatch, address), sectionAt(dispatch, section), address);
}

function* findsAt(dispatch: number, high: number, low: number, section: number): Steps {
  yield* run(is, yield* k.findAt(dispatch, high, low), sectionAt(dispatch, section), low);
}

// deno-lint-ignore require-yield
function* is(found: number, wanted: number, address: number): Steps {
  check(found >>> 0 === wanted, `${address} is found at ${found >>> 0} instead of ${wanted}`);
}

function* walks(): Steps {
  for (const [address, section] of FOUND) yield* run(finds, D, address, section);
}

/** The node that covers all addresses: its slot is the topmost bits. */
function* topmost(): Steps {
  yield* run(finds, TOP, 0x4001, 7);
  yield* run(finds, TOP, 0x20_4001, 0);
  yield* run(findsAt, TOP, 2 ** 31, 0x6_0000, 9);
  yield* run(findsAt, TOP, 2 ** 31, 0x7_ffff, 9);
  yield* run(findsAt, TOP, 2 ** 31, 0x5_ffff, 0);
  yield* run(findsAt, TOP, 2 ** 31, 0x8_0000, 0);
  yield* run(findsAt, TOP, 2 ** 32 - 1, 2 ** 32 - 1, 10);
  yield* run(findsAt, TOP, 2 ** 32 - 2 ** 28, 0, 10);
  yield* run(findsAt, TOP, 0x1000_0000, 0x4001, 0);
  yield* run(findsAt, TOP, 0, 0x8000_0000, 0);
  // A section on both sides of 2^63.
  yield* run(findsAt, TOP, 0x7000_0000, 0x8000, 12);
  yield* run(findsAt, TOP, 0x9000_0000, 0xff, 12);
  yield* run(findsAt, TOP, 0x9000_0000, 0x100, 0);
}

/** A section in place of the map's root: no bit of the address was looked at. */
function* alone(): Steps {
  yield* run(finds, FAR_ALONE, 0x6_0000, 0);
  yield* run(findsAt, FAR_ALONE, 2 ** 31, 0x6_0000, 9);
  yield* run(finds, MOST_ALONE, 0xff, 0);
  yield* run(finds, MOST_ALONE, 0x100, 13);
  yield* run(findsAt, MOST_ALONE, 2 ** 32 - 1, 0, 13);
}

/** What is no address and what is no dispatch. */
function* refusals(): Steps {
  const addresses = [-1, 0.5, 0x4001 + 0.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 63, 2 ** 64];
  for (const address of addresses) yield* run(is, yield* k.find(D, address), 0, address);
  const none = [D + 4, D + 32, NODES, END - 32, END, END + 64, 2 ** 32 - 64];
  for (const at of [...none, ...CROOKED]) {
    yield* run(is, yield* k.find(at, 0x4001), 0, at);
    yield* run(is, yield* k.findAt(at, 0, 0x4001), 0, at);
    const done = yield* k.findAll(at, ADDRESSES, RESULTS, FOUND.length);
    check(done === 0, `findAll finds a dispatch at ${at}`);
  }
  yield* run(finds, LAST, 0x4001, 0);
  check((yield* k.findAll(LAST, ADDRESSES, RESULTS, 1)) === 1, "findAll at the end of the memory");
}

/** What is asked of the second map, beyond 2^63 and before. */
const FOUND_IN_TOP: readonly (readonly [address: bigint, section: number])[] = [
  [2n ** 63n + 0x6_0000n, 9],
  [(7n << 60n) + 0x8000n, 12],
  [9n << 60n, 12],
  [0x4001n, 7],
];

function* allOfTop(): Steps {
  const done = yield* k.findAll(TOP, ADDRESSES, RESULTS, FOUND_IN_TOP.length);
  check(done === 1, "findAll finds no dispatch");
}

function* all(): Steps {
  const done = yield* k.findAll(D, ADDRESSES, RESULTS, FOUND.length);
  check(done === 1, "findAll finds no dispatch");
  check((yield* k.findAll(D, ADDRESSES, RESULTS, 0)) === 1, "findAll of nothing");
}

function contract(script: () => Steps): Program {
  return {
    kernel,
    bytes: END - ORIGIN,
    origin: ORIGIN,
    setUp: ({ u8, u32 }) => setUp(u8, u32, []),
    threads: [{ name: "caller", script }],
  };
}

/** A contract of `findAll`: the addresses that it is given, and the sections that it must find. */
function contractOfAll(
  script: () => Steps,
  dispatch: number,
  found: readonly (readonly [address: bigint, section: number])[],
): Program {
  return {
    ...contract(script),
    setUp: ({ u8, u32 }) => setUp(u8, u32, found.map(([address]) => address)),
    atEnd: ({ load32 }) => {
      found.forEach(([_, section], at) => {
        const wanted = sectionAt(dispatch, section);
        check(load32(RESULTS + 4 * at) === wanted, `result ${at} is not of section ${section}`);
      });
      check(load32(RESULTS + 4 * found.length) === 0, "no more than was asked for");
    },
  };
}

/** The contracts by name. */
export const contracts: Readonly<Record<string, Program>> = {
  "walks": contract(walks),
  "the topmost level": contract(topmost),
  "refusals": contract(refusals),
  "maps of one section": contract(alone),
  "many at once": contractOfAll(
    all,
    D,
    FOUND.map(([address, section]) => [BigInt(address), section]),
  ),
  "many at once at the topmost level": contractOfAll(allOfTop, TOP, FOUND_IN_TOP),
};
