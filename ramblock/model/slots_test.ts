/**
 * Deletion of a slot and collection of a dirty log over every interleaving: what a vCPU does in its
 * section, against the order of a commit and of a collector. The domain is modelled as one counter
 * that readers copy: what matters here is only that a wait covers the sections open at its start.
 */

import { type Body, computed, explore, type Program, type Row } from "#tools/model/mod.ts";
import { assertEquals } from "@std/assert";
import { lock, unlock, wait } from "./mru.ts";

const [VALID, INVALID, GONE] = [0, 1, 2];
const access = (access: "load" | "store" | "cmpxchg", word: string, rest: object): Row =>
  ({ access, width: 64, word, ...rest }) as Row;
const not = (register: string) => computed([register], (value) => value === 0);
const is = (register: string, wanted: number) => computed([register], (value) => value === wanted);

/** Labels are unique in a thread. */
function part(body: Body, name: string): Body {
  return body.map((row) => {
    if ("label" in row) return { label: row.label + name };
    return "jump" in row ? { ...row, jump: row.jump + name } : row;
  });
}

const reader = (number: number, section: Body) => ({
  name: `vCPU ${number}`,
  body: [1, 2].flatMap((n) => part([...lock(number), ...section, ...unlock(number)], `${n}`)),
});

// ---- deletion -------------------------------------------------------------------------------

const USED = "a vCPU uses host memory that was given away";

/** Translates by the mapping, or instantiates it from a valid slot; then uses the memory. */
const translate = (number: number): Body => [
  access("load", "TAG", { at: number, into: "tag" }),
  { jump: "use", when: "tag" },
  access("load", "ROOT", { into: "root" }),
  { jump: "exit", when: "root" }, // INVALID or gone
  access("store", "TAG", { at: number, value: 1 }),
  { label: "use" },
  access("load", "HOST", { into: "host", plain: true }),
  { check: "host", says: USED },
  { label: "exit" },
];

const publish = (value: number) => access("store", "ROOT", { value });
const flush: Row[] = [0, 1].map((at) => access("store", "TAG", { at, value: 0 }));
const giveAway = access("store", "HOST", { value: 0, plain: true });

function deletion(writer: Body): Program {
  return {
    words: { GP_CTR: 1, SLOT: [0, 0], ROOT: VALID!, TAG: [0, 0], HOST: 1 },
    threads: [
      reader(0, translate(0)),
      reader(1, translate(1)),
      { name: "committer", body: writer },
    ],
  };
}

const ORDERS: Record<string, { readonly writer: Body; readonly says?: string }> = {
  "INVALID, wait, flush, gone, wait": {
    writer: [publish(INVALID!), ...wait, ...flush, publish(GONE!), ...wait, giveAway],
  },
  "INVALID, flush, wait, gone, wait": {
    writer: [publish(INVALID!), ...flush, ...wait, publish(GONE!), ...wait, giveAway],
    says: USED,
  },
  "gone, flush, wait": { writer: [publish(GONE!), ...flush, ...wait, giveAway], says: USED },
  "INVALID, wait, flush, gone": {
    writer: [publish(INVALID!), ...wait, ...flush, publish(GONE!), giveAway],
    says: USED,
  },
  "gone, wait": { writer: [publish(GONE!), ...wait, giveAway], says: USED },
};

for (const [order, { writer, says }] of Object.entries(ORDERS)) {
  Deno.test(`model: deletion by ${order}: ${says ?? "holds"}`, () => {
    for (const memory of ["sc", "weak"] as const) {
      const { states, failure } = explore(deletion(writer), memory);
      if (!says) console.log(`  2 vCPUs of 2 sections, ${memory}: ${states} states`);
      assertEquals(failure?.says, says, failure?.trace.join("\n"));
    }
  });
}

// ---- the dirty log --------------------------------------------------------------------------

const LOST = "a write is in no copy, and its page is clean and writable";
const [NONE, WRITABLE] = [0, 1];

/** Writes a value; `install` makes the mapping writable and marks the page, in some order. */
const write = (value: number, install: Body): Body => [
  access("load", "TAG", { at: 0, into: "tag" }),
  { jump: "mapped", when: is("tag", WRITABLE!) },
  ...install,
  { label: "mapped" },
  access("store", "DATA", { value, plain: true }),
];

/** Takes the mark, protects the mapping, waits, copies if the page was marked. */
const collect = (steps: Body): Body => [
  ...steps,
  { jump: "clean", when: not("mark") },
  access("load", "DATA", { into: "copy", plain: true }),
  { label: "clean" },
];

const map = access("store", "TAG", { at: 0, value: WRITABLE });
const mark = access("store", "MARK", { value: 1 });
const take: Row = { access: "xchg", width: 64, word: "MARK", value: 0, into: "mark" };
const protect = access("store", "TAG", { at: 0, value: NONE });

function logging(install: Body, steps: Body): Program {
  const done = access("store", "DONE", { value: 1 });
  return {
    words: { GP_CTR: 1, SLOT: [0, 0], TAG: [NONE!], MARK: 0, DATA: 0, DONE: 0 },
    threads: [
      {
        name: "vCPU",
        body: [
          ...[1, 2].flatMap((n) => part([...lock(0), ...write(n, install), ...unlock(0)], `${n}`)),
          done,
        ],
      },
      {
        name: "collector",
        body: [
          ...part(collect(steps), "a"),
          access("load", "DONE", { into: "done", until: "done" }),
          ...part(collect(steps), "b"),
          { check: is("copy", 2), says: LOST },
        ],
      },
    ],
  };
}

const LOGS: Record<string, { readonly program: Program; readonly says?: string }> = {
  "map, then mark; take, protect, wait": {
    program: logging([map, mark], [take, protect, ...wait]),
  },
  "mark, then map": { program: logging([mark, map], [take, protect, ...wait]), says: LOST },
  "protect before the mark is taken": {
    program: logging([map, mark], [protect, take, ...wait]),
    says: LOST,
  },
  "no wait": { program: logging([map, mark], [take, protect]), says: LOST },
};

for (const [order, { program, says }] of Object.entries(LOGS)) {
  Deno.test(`model: the dirty log by ${order}: ${says ?? "holds"}`, () => {
    for (const memory of ["sc", "weak"] as const) {
      const { failure } = explore(program, memory);
      assertEquals(failure?.says, says, failure?.trace.join("\n"));
    }
  });
}
