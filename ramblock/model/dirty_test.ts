/** Marking a page after writing it, over every interleaving with one who takes the mark and reads. */

import { type Body, computed, explore, type Row } from "#tools/model/mod.ts";
import { assertEquals } from "@std/assert";

const LOST = "a write is in no copy, and its page is clean";

const write = (value: number): Row => //
({ access: "store", width: 32, word: "data", value, plain: true });
const set: Row = { access: "xchg", width: 64, word: "bit", value: 1, into: "was" };

/** Looks first and skips the read-modify-write where the bit is set. */
const lookFirst: Body = [
  { access: "load", width: 64, word: "bit", into: "bit" },
  { jump: "set", when: "bit" },
  set,
];

/** A worker writes twice and marks each time; a collector takes the mark, copies, and so again. */
function migration(mark: (label: number) => Body) {
  const take = (n: number): Body => [
    { access: "xchg", width: 64, word: "bit", value: 0, into: `bit${n}` },
    { jump: `clean${n}`, when: computed([`bit${n}`], (bit) => bit === 0) },
    { access: "load", width: 32, word: "data", into: "copy", plain: true },
    { label: `clean${n}` },
  ];
  const done: Row = { access: "store", width: 32, word: "done", value: 1 };
  const wait: Row = {
    ...{ access: "load", width: 32, word: "done", into: "done" },
    until: "done",
  } as Row;
  return {
    words: { data: 0, bit: 0, done: 0 },
    threads: [
      { name: "worker", body: [write(1), ...mark(1), write(2), ...mark(2), done] },
      {
        name: "collector",
        body: [
          ...take(1),
          ...take(2),
          wait,
          ...take(3),
          { check: computed(["copy"], (copy) => copy === 2), says: LOST } as Row,
        ],
      },
    ],
  };
}

Deno.test("model: a mark that is always a read-modify-write loses no write", () => {
  for (const memory of ["sc", "weak"] as const) {
    const { failure } = explore(migration(() => [set]), memory);
    assertEquals(failure, undefined, failure?.trace.join("\n"));
  }
});

Deno.test("model: a mark that looks first loses a write in the weaker model", () => {
  const program = migration((n) => [
    ...lookFirst.map((row) => "jump" in row ? { ...row, jump: `set${n}` } : row),
    { label: `set${n}` },
  ]);
  assertEquals(explore(program, "sc").failure, undefined);
  assertEquals(explore(program, "weak").failure?.says, LOST);
});
