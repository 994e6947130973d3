/**
 * Explorations of an unmapping: a device with an IOTLB of one entry translates by the mapping table and
 * uses the page, while the control context clears the entry, appends to the log of invalidations, waits
 * for a grace period and gives the page away.
 *
 * @module
 */

import {
  calls,
  decodeKernel,
  free,
  nameWords,
  type Program,
  run,
  type Steps,
} from "#tools/explorer/mod.ts";
import {
  ExploredDomain,
  lock,
  rcu,
  rcuKernel,
  synchronize,
  unlock,
} from "#tools/explorer/rcu_domain.ts";
import { KERNEL_BASE64 } from "../kernel/bytes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { NODE, TABLE } from "../kernel/layouts.ts";

const kernel = decodeKernel(KERNEL_BASE64);
const k = calls<Kernel>(kernel);

const domain = new ExploredDomain("rcu", 1);
const SLOT = domain.slots[0]!;
const TABLE_AT = domain.bytes;
const NODE_AT = TABLE_AT + 64;
/** The number of invalidations ever made. */
const TAIL = NODE_AT + NODE.size;
const PAGE = TAIL + 8;
const BYTES = PAGE + 8;
/** The page that the device uses, and its entry. */
const IOVA_PAGE = 3;
const ENTRY = NODE.entries.at(NODE_AT, IOVA_PAGE);
/** A leaf that leads to page 1, for reading. */
const LEAF = 0x1001;

/** What a device keeps between its sections: the count of invalidations that it has seen, times 2, plus
 * 1 if its IOTLB has the entry. */
type Kept = number;

/** Notes invalidations: drops the entry if there are new ones. */
function* catchUp(kept: Kept): Steps<Kept> {
  const tail = yield* rcu.load64(TAIL);
  return tail === kept >> 1 ? kept : tail * 2;
}

/** Looks into the IOTLB, else walks and fills it. */
function* translate(kept: Kept): Steps<Kept> {
  if (kept & 1) return kept;
  return (yield* k.walk(TABLE_AT, IOVA_PAGE)) < 0 ? kept : kept | 1;
}

function* use(kept: Kept): Steps {
  if (kept & 1) yield* rcu.load32(PAGE);
}

/** The order of what a device does. */
export type DeviceOrder = "notes first" | "notes last" | "uses outside";

function* section(order: DeviceOrder, kept: Kept): Steps<Kept> {
  yield* run(lock, SLOT);
  const noted = order === "notes last" ? kept : yield* run(catchUp, kept);
  const found = yield* run(translate, noted);
  if (order === "uses outside") yield* run(unlock, SLOT);
  yield* run(use, found);
  const last = order === "notes last" ? yield* run(catchUp, found) : found;
  if (order !== "uses outside") yield* run(unlock, SLOT);
  return last;
}

function* device(order: DeviceOrder): Steps {
  const first = yield* run(section, order, 0);
  const second = yield* run(section, order, first);
  yield* run(section, order, second);
}

/** A step of an unmapping. */
export type UnmapStep = "clear" | "log" | "wait";

/** A device of three sections while its page is unmapped by steps in some order. */
export function unmapping(steps: readonly UnmapStep[], order: DeviceOrder): Program {
  function* control(): Steps {
    for (const step of steps) {
      if (step === "clear") yield* rcu.pairStore(ENTRY, 0, 0);
      else if (step === "log") yield* rcu.pairStore(TAIL, 1, 0);
      else yield* run(synchronize);
    }
    yield* free("page");
  }
  return {
    kernel,
    helpers: [rcuKernel],
    bytes: BYTES,
    blocks: { page: { at: PAGE, bytes: 8 } },
    setUp: ({ u32 }) => {
      domain.setUp(u32);
      TABLE.root.set(u32, TABLE_AT, NODE_AT);
      TABLE.levels.set(u32, TABLE_AT, 1);
      u32[ENTRY / 4] = LEAF;
    },
    nameOf: nameWords([
      ...domain.names(),
      ["TABLE", TABLE, TABLE_AT],
      ["entry", 8, ENTRY],
      ["tail", 8, TAIL],
      ["page", 8, PAGE],
    ]),
    threads: [
      { name: "control", script: control },
      { name: "device", script: device, args: [order] },
    ],
  };
}
