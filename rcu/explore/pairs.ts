/**
 * Five ways to load a (root, table) pair as one, while a writer replaces it: the sketches of the
 * thread in which QEMU's developers looked for one, what is wrong with them, and what `RcuPair` does.
 *
 * Versions are numbered from 1; version v is the root v with the table v, and a reader that leaves
 * with two different numbers has a torn pair. A writer that stands between its stores may die.
 *
 * @module
 */

import {
  again,
  check,
  nameWords,
  type Program,
  run,
  type Script,
  type Steps,
} from "#tools/explorer/mod.ts";
import { k, kernel } from "./setting.ts";

const ROOT = 0;
const TABLE = 4;
const NEXT = 8;
const INSIDE = 12;
/** Two structs of a root and a table each, and which of them is current. */
const STRUCTS = [16, 24] as const;
const CURRENT = 32;
/** The pair as one word. */
const PAIR = 40;
const BYTES = 48;

const TORN = "a torn pair";

function program(reader: Script, writer: Script, dies = false): Program {
  return {
    kernel,
    bytes: BYTES,
    setUp: ({ u32 }) => {
      for (const word of [ROOT, TABLE, PAIR, PAIR + 4]) u32[word / 4] = 1;
      STRUCTS.forEach((at, index) => u32.fill(index + 1, at / 4, at / 4 + 2));
    },
    nameOf: nameWords([
      ["root", 4, ROOT],
      ["table", 4, TABLE],
      ["next", 4, NEXT],
      ["inside", 4, INSIDE],
      ["struct[0]", 8, STRUCTS[0]],
      ["struct[1]", 8, STRUCTS[1]],
      ["current", 4, CURRENT],
      ["pair", 8, PAIR],
    ]),
    threads: [
      { name: "reader 0", script: reader },
      { name: "reader 1", script: reader },
      { name: "writer", script: writer, dies },
    ],
  };
}

function twice(section: Script): Script {
  return function* () {
    yield* run(section);
    yield* run(section);
  };
}

/** A section as a grace period sees it: `quiet` waits until nobody is inside one. */
function inside(section: Script<[], void>): Script {
  return function* () {
    yield* k.add32(INSIDE, 1);
    yield* run(section);
    yield* k.add32(INSIDE, -1);
  };
}

function* quiet(): Steps {
  if ((yield* k.load32(INSIDE)) !== 0) return again(quiet);
}

/** First sketch. Writer: root, then table. Reader: table, root, table again until it is the same. */
export function rereadTable(): Program {
  function* reader(): Steps {
    const table = yield* k.load32(TABLE);
    const root = yield* k.load32(ROOT);
    if ((yield* k.load32(TABLE)) !== table) return again(reader);
    check(root === table, TORN);
  }
  return program(twice(reader), function* () {
    for (const version of [2, 3]) {
      yield* k.store32(ROOT, version);
      yield* k.store32(TABLE, version);
    }
  });
}

/** What the second sketch's writer does: the table is equal to `next` while it stands in between. */
function* announced(table: number, root = table): Steps {
  yield* k.store32(NEXT, table);
  yield* k.store32(TABLE, table);
  yield* k.store32(ROOT, root);
  yield* k.store32(NEXT, 0);
}

/** Second sketch. Reader: table and root, again while the table is the announced one. */
export function announce(): Program {
  function* reader(): Steps {
    const table = yield* k.load32(TABLE);
    const root = yield* k.load32(ROOT);
    if ((yield* k.load32(NEXT)) === table) return again(reader);
    check(root === table, TORN);
  }
  return program(twice(reader), function* () {
    yield* run(announced, 2);
    yield* run(announced, 3);
  });
}

/**
 * Third: the pair is kept across sections, and read again when the pointer to the struct that holds
 * it has changed. The writer waits for a grace period, fills struct 0 anew and publishes it again.
 */
export function cacheOutside(): Program {
  function* section(known: number, root: number): Steps<number> {
    yield* k.add32(INSIDE, 1);
    const current = yield* k.load32(CURRENT);
    const at = STRUCTS[current]!;
    const own = current === known ? root : yield* k.load32(at);
    const table = yield* k.load32(at + 4);
    check(own === table, TORN);
    yield* k.add32(INSIDE, -1);
    return current * 4 + own;
  }
  function* reader(): Steps {
    const kept = yield* run(section, -1, 0);
    yield* run(section, kept >> 2, kept & 3);
  }
  return program(reader, function* () {
    yield* k.store32(CURRENT, 1);
    yield* run(quiet);
    yield* k.store32(STRUCTS[0], 3);
    yield* k.store32(STRUCTS[0] + 4, 3);
    yield* k.store32(CURRENT, 0);
  });
}

/** The reader of the fourth: the table, unless it is the announced one; the root; the table again. */
function corrected(isWhole: (root: number, table: number) => boolean): Script<[], void> {
  return function* reader(): Steps {
    const table = yield* k.load32(TABLE);
    if ((yield* k.load32(NEXT)) === table) return again(reader);
    const root = yield* k.load32(ROOT);
    if ((yield* k.load32(TABLE)) !== table) return again(reader);
    check(isWhole(root, table), TORN);
  };
}

/** Fourth: the second sketch's writer with a corrected reader. The writer may die. */
export function corrects(dies: boolean): Program {
  const reader = inside(corrected((root, table) => root === table));
  const writer = function* (): Steps {
    yield* run(announced, 2);
    yield* run(announced, 3);
  };
  return program(twice(reader), writer, dies);
}

/** Fourth, with a writer that publishes table 1 again with root 3, after a grace period or at once. */
export function republishes(waits: boolean): Program {
  const reader = inside(corrected((root, table) => root === table || root - table === 2));
  return program(twice(reader), function* () {
    yield* run(announced, 2);
    if (waits) yield* run(quiet);
    yield* run(announced, 1, 3);
  });
}

/** Fifth, as `RcuPair`: both halves in one word. The writer may die. */
export function oneWord(): Program {
  function* reader(): Steps {
    const first = yield* k.pairLoad(PAIR);
    check((yield* k.pairSecond()) === first, TORN);
  }
  const writer = function* (): Steps {
    yield* k.pairStore(PAIR, 2, 2);
    yield* k.pairStore(PAIR, 3, 3);
  };
  return program(twice(reader), writer, true);
}
