/**
 * What the walk of a mapping table finds, with one thread: a table of three levels with leaves at each.
 *
 * @module
 */

import { calls, check, decodeKernel, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { KERNEL_BASE64 } from "../kernel/bytes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { ENTRY_BIT, NODE, TABLE } from "../kernel/layouts.ts";

const kernel = decodeKernel(KERNEL_BASE64);
const k = calls<Kernel>(kernel);

/** The table lies below 2^31, its nodes above. */
const TABLE_AT = 2 ** 31 - 64;
const ROOT = 2 ** 31;
const MIDDLE = ROOT + NODE.size;
const LOW = MIDDLE + NODE.size;
const BYTES = LOW + NODE.size - TABLE_AT;

/** A leaf: the first page that it leads to, and its permissions. */
const leaf = (page: number, permissions: number) => BigInt(page) << 12n | BigInt(permissions);
const pointer = (node: number) => BigInt(node) << 32n | BigInt(ENTRY_BIT.POINTER);
/** The page at an index in each node. */
const pageAt = (root: number, middle: number, low: number) => (root * 512 + middle) * 512 + low;

/** A page beyond 2^51, whose entry has its topmost bit set. */
const FAR = 2 ** 51 + 2 ** 33 + 5;

function setUp(u8: Uint8Array): void {
  const view = new DataView(u8.buffer);
  const set = (node: number, index: number, entry: bigint) => {
    view.setBigUint64(NODE.entries.at(node - TABLE_AT, index), entry, true);
  };
  view.setUint32(TABLE.root.at(0), ROOT, true);
  view.setUint32(TABLE.levels.at(0), 3, true);
  set(ROOT, 1, leaf(0x40000, 3));
  set(ROOT, 2, pointer(MIDDLE));
  set(ROOT, 511, leaf(0x80000, 1));
  set(MIDDLE, 3, leaf(0x1200, 2));
  set(MIDDLE, 4, pointer(LOW));
  set(LOW, 7, leaf(FAR, 1));
}

/** Fails unless a page's leaf is at a level and leads to a page with permissions. */
function* finds(page: number, level: number, target: number, permissions: number): Steps {
  const found = yield* k.walk(TABLE_AT, page);
  check(found === level, `page ${page} is found at level ${found} instead of ${level}`);
  const first = yield* k.targetPage();
  check(first === target, `page ${page} leads to ${first} instead of ${target}`);
  const allowed = yield* k.permissions();
  check(allowed === permissions, `page ${page} allows ${allowed} instead of ${permissions}`);
}

function* findsNone(page: number): Steps {
  check((yield* k.walk(TABLE_AT, page)) === -1, `page ${page} is found`);
}

function* walks(): Steps {
  yield* run(finds, pageAt(1, 0, 0), 2, 0x40000, 3);
  yield* run(finds, pageAt(1, 500, 9), 2, 0x40000, 3);
  yield* run(finds, pageAt(2, 3, 8), 1, 0x1200, 2);
  yield* run(finds, pageAt(2, 4, 7), 0, FAR, 1);
  yield* run(finds, pageAt(511, 511, 511), 2, 0x80000, 1);
  for (const page of [pageAt(0, 0, 0), pageAt(2, 0, 0), pageAt(2, 4, 8), pageAt(2, 5, 7)]) {
    yield* run(findsNone, page);
  }
  // Beyond the table, whatever lies at the index within it.
  for (const page of [512 ** 3, 512 ** 3 + pageAt(1, 0, 0), 2 ** 51, 2 ** 52 + 7]) {
    yield* run(findsNone, page);
  }
}

/** Walks of a table of three levels. */
export const walksAlone: Program = {
  kernel,
  bytes: BYTES,
  origin: TABLE_AT,
  setUp: ({ u8 }) => setUp(u8),
  threads: [{ name: "caller", script: walks }],
};
