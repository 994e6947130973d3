/**
 * Five ways to load a (root, table) pair as one, while a writer replaces it: the sketches of the
 * thread in which QEMU's developers looked for one, what is wrong with them, and what `RcuPair` does.
 *
 * Versions are numbered from 1; version v is the root v with the table v, and a reader that leaves
 * with two different numbers has a torn pair. A writer that stands between its stores may die. The
 * accesses are sequentially consistent; what goes wrong here, goes wrong in every order.
 *
 * @module
 */

import { type Access, call, computed, type Program, type Row } from "#tools/model/mod.ts";
import { steps } from "./steps.ts";

const TORN = "a torn pair";

const load = (word: string, into: string): Access => ({ access: "load", width: 32, word, into });
const store = (word: string, value: number): Access => ({
  access: "store",
  width: 32,
  word,
  value,
});
const same = (a: string, b: string) => computed([a, b], (one, other) => one === other);
const differ = (a: string, b: string) => computed([a, b], (one, other) => one !== other);
const whole: Row = { check: same("root", "table"), says: TORN };

const WORDS = { root: 1, table: 1, next: 0 };

function program(readers: Row[], writer: Row[], dies = false): Program {
  const reader = (name: string) => ({ name, body: readers });
  return {
    words: WORDS,
    threads: [reader("reader 0"), reader("reader 1"), { name: "writer", body: writer, dies }],
  };
}

/** The reader loads twice over; labels are told apart by the number. */
function twice(section: (n: number) => Row[]): Row[] {
  return [...section(1), ...section(2)];
}

/** First sketch. Writer: root, then table. Reader: table, root, table again until it is the same. */
export function rereadTable(): Program {
  const reader = twice((n) => [
    { label: `retry${n}` },
    load("table", "table"),
    load("root", "root"),
    load("table", "again"),
    { jump: `retry${n}`, when: differ("table", "again") },
    whole,
  ]);
  return program(
    reader,
    [2, 3].flatMap((version) => [
      store("root", version),
      store("table", version),
    ]),
  );
}

/** What the second sketch's writer does: the table is equal to `next` while it stands in between. */
function announced(version: number): Row[] {
  return [
    store("next", version),
    store("table", version),
    store("root", version),
    store("next", 0),
  ];
}

/** Second sketch. Reader: table and root, again while the table is the announced one. */
export function announce(): Program {
  const reader = twice((n) => [
    { label: `retry${n}` },
    load("table", "table"),
    load("root", "root"),
    load("next", "next"),
    { jump: `retry${n}`, when: same("table", "next") },
    whole,
  ]);
  return program(reader, [2, 3].flatMap(announced));
}

/** A section as a grace period sees it: `quiet` waits until nobody is inside one. */
function inside(body: Row[]): Row[] {
  return [
    { access: "add", width: 32, word: "inside", value: 1 },
    ...body,
    { access: "sub", width: 32, word: "inside", value: 1 },
  ];
}

const quiet: Access = {
  ...load("inside", "open"),
  until: computed(["open"], (open) => open === 0),
};

/**
 * Third: the pair is kept across sections, and read again when the pointer to the struct that holds
 * it has changed. Grace periods are waited for: the writer fills struct 0 anew and publishes it again
 * when nobody can be reading it.
 */
export function cacheOutside(): Program {
  const reader = [
    { set: "known", to: 9 },
    ...twice((n) =>
      inside([
        load("current", "pointer"),
        { jump: `cached${n}`, when: same("pointer", "known") },
        { access: "load", width: 32, word: "roots", at: "pointer", into: "root" },
        { set: "known", to: "pointer" },
        { label: `cached${n}` },
        { access: "load", width: 32, word: "tables", at: "pointer", into: "table" },
        whole,
      ])
    ),
  ];
  const writer: Row[] = [
    store("current", 1),
    quiet,
    { access: "store", width: 32, word: "roots", at: 0, value: 3 },
    { access: "store", width: 32, word: "tables", at: 0, value: 3 },
    store("current", 0),
  ];
  const { threads } = program(reader, writer);
  return { words: { current: 0, roots: [1, 2], tables: [1, 2], inside: 0 }, threads };
}

/** The reader of the fourth: the table, unless it is the announced one; the root; the table again. */
function corrected(n: number, check: Row): Row[] {
  return inside([
    { label: `retry${n}` },
    load("table", "table"),
    load("next", "next"),
    { jump: `retry${n}`, when: same("table", "next") },
    load("root", "root"),
    load("table", "again"),
    { jump: `retry${n}`, when: differ("table", "again") },
    check,
  ]);
}

/** Fourth: the second sketch's writer with a corrected reader. The writer may die. */
export function corrects(dies: boolean): Program {
  const { threads } = program(
    twice((n) => corrected(n, whole)),
    [...announced(2), ...announced(3)],
    dies,
  );
  return { words: { ...WORDS, inside: 0 }, threads };
}

/** Fourth, with a writer that publishes table 1 again with root 3, after a grace period or at once. */
export function republishes(waits: boolean): Program {
  const valid = computed(
    ["root", "table"],
    (root, table) => root === table || root! - table! === 2,
  );
  const wait = waits ? [quiet] : [];
  const writer = [
    ...announced(2),
    ...wait,
    store("next", 1),
    store("table", 1),
    store("root", 3),
    store("next", 0),
  ];
  const { threads } = program(twice((n) => corrected(n, { check: valid, says: TORN })), writer);
  return { words: { ...WORDS, inside: 0 }, threads };
}

/** Fifth, as `RcuPair`: both halves in one word. The writer may die. */
export function oneWord(): Program {
  const both = (version: number) => version * 16 + version;
  const reader = twice((n) => [
    ...call(`load${n}`, steps.pairLoad),
    {
      check: computed([`load${n}.pair`], (pair) => pair! >> 4 === (pair! & 15)),
      says: TORN,
    },
  ]);
  const writer = [2, 3].flatMap((version) =>
    call(`store${version}`, steps.pairStore, { pair: both(version) })
  );
  return { words: { cell: both(1) }, threads: program(reader, writer, true).threads };
}
