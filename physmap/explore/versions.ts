/**
 * Explorations of versions that share a node: two readers look up addresses while the control context
 * publishes a second version, frees what only the first had, and makes a third in its place. All three
 * lead to the shared node.
 *
 * @module
 */

import {
  allocate,
  calls,
  check,
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
import { DISPATCH, MAGIC, NODE_BYTES, SECTION } from "../kernel/layouts.ts";

const kernel = decodeKernel(KERNEL_BASE64);
const k = calls<{
  find(dispatch: number, address: number): number;
  readonly [name: string]: (...args: number[]) => number;
}>(kernel);

const domain = new ExploredDomain("rcu", 2);
/** The word that points at the current dispatch. */
const CELL = domain.bytes;
const SHARED = Math.ceil((CELL + 4) / 64) * 64;
/** The section of address 0, in the shared node. */
const COMMON = SHARED + NODE_BYTES;
/** What a version has alone: its dispatch, its section of address 128, its root node. */
const BYTES = DISPATCH.size + 64 + NODE_BYTES;
const FIRST = COMMON + 64;
const SECOND = FIRST + BYTES;

const sectionOf = (version: number) => version + DISPATCH.size;
const nodeOf = (version: number) => version + DISPATCH.size + 64;

/** What the control context does wrong. */
export type Mistake =
  | "no grace period"
  | "the shared node is freed with the first version"
  | "a node is changed in place"
  | "published before it is written";

/** Writes a version's node and its root entry: the rest of it is there from the start. */
function* write(version: number): Steps {
  yield* rcu.store32(nodeOf(version), SHARED | 1);
  yield* rcu.store32(nodeOf(version) + 4, sectionOf(version));
  yield* rcu.store32(DISPATCH.root.at(version), nodeOf(version) | 2);
}

function* control(mistake: Mistake | ""): Steps {
  if (mistake === "a node is changed in place") {
    yield* rcu.store32(nodeOf(FIRST) + 4, sectionOf(SECOND));
    return;
  }
  if (mistake === "published before it is written") yield* rcu.store32(CELL, SECOND);
  yield* run(write, SECOND);
  yield* rcu.store32(CELL, SECOND);
  if (mistake !== "no grace period") yield* run(synchronize);
  yield* free("first");
  if (mistake === "the shared node is freed with the first version") yield* free("shared");
  yield* allocate("first");
  yield* run(write, FIRST);
  yield* rcu.store32(CELL, FIRST);
  yield* run(synchronize);
  yield* free("second");
}

/** Looks up both addresses in one section: what is found belongs to the version that was loaded. */
function* reader(slot: number): Steps {
  yield* run(lock, slot);
  const version = yield* rcu.load32(CELL);
  yield* run(finds, version, 128, sectionOf(version));
  yield* run(finds, version, 0, COMMON);
  yield* run(unlock, slot);
}

function* finds(version: number, address: number, section: number): Steps {
  const found = yield* k.find(version, address);
  check(found === section, `${address} is found at ${found} instead of ${section}`);
}

/** Two readers and a control context that publishes and frees. */
export function publishing(mistake: Mistake | "" = ""): Program {
  return {
    kernel,
    helpers: [rcuKernel],
    bytes: SECOND + BYTES,
    blocks: {
      first: { at: FIRST, bytes: BYTES },
      second: { at: SECOND, bytes: BYTES },
      shared: { at: SHARED, bytes: NODE_BYTES },
    },
    setUp: ({ u32 }) => {
      domain.setUp(u32);
      u32[CELL / 4] = FIRST;
      u32[SHARED / 4] = COMMON;
      for (const version of [FIRST, SECOND]) {
        DISPATCH.magic.set(u32, version, MAGIC);
        SECTION.first.set(u32, sectionOf(version), 128);
        SECTION.last.set(u32, sectionOf(version), 255);
      }
      DISPATCH.root.set(u32, FIRST, nodeOf(FIRST) | 2);
      u32[nodeOf(FIRST) / 4] = SHARED | 1;
      u32[nodeOf(FIRST) / 4 + 1] = sectionOf(FIRST);
    },
    nameOf: nameWords([
      ...domain.names(),
      ["cell", 4, CELL],
      ["shared node", NODE_BYTES, SHARED],
      ["common section", SECTION.size, COMMON],
      ["first version", BYTES, FIRST],
      ["second version", BYTES, SECOND],
    ]),
    threads: [
      { name: "control", script: control, args: [mistake] },
      ...domain.slots.map((slot, i) => ({ name: `reader ${i}`, script: reader, args: [slot] })),
    ],
  };
}
