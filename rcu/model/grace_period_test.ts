/** Grace periods over every interleaving: what holds, and the mistakes that were made on the way. */

import {
  type Body,
  computed,
  explore,
  isAccess,
  type Program,
  type Row,
} from "#tools/model/mod.ts";
import { assertEquals } from "@std/assert";
import { evicted, fusedEvicted } from "./eviction.ts";
import {
  bystander,
  type Flavour,
  fusedReaders,
  oneUpdater,
  readBlock,
  twoUpdaters,
} from "./programs.ts";
import { fusedSleeper, holder, latecomer, overtaken, reports, sleepers } from "./sleepers.ts";
import { steps, type Table } from "./steps.ts";

const FREED = "a reader sees a block that was freed";
const ASLEEP = "stuck: no thread can move";

/** Explores under both memory models and reports how many states that took. */
function assertHolds(name: string, program: Program, says?: string): void {
  for (const memory of ["sc", "weak"] as const) {
    const { states, failure } = explore(program, memory);
    console.log(`  ${name}, ${memory}: ${states} states`);
    assertEquals(failure?.says, says, failure?.trace.join("\n"));
  }
}

for (const flavour of ["memb", "qsbr", "srcu"] as Flavour[]) {
  Deno.test(`model, ${flavour}: no reader sees a freed block`, () => {
    assertHolds("2 readers, 2 updates", oneUpdater(steps, flavour));
    assertHolds("2 updaters, one may die at any step", twoUpdaters(steps, flavour));
    assertHolds("another context's grace periods", bystander(steps, flavour, 2));
  });

  Deno.test(`model, ${flavour}: no updater sleeps for ever`, () => {
    assertHolds("2 readers, 1 sleeper", sleepers(steps, flavour, 2, 1));
    assertHolds("2 sleepers, and one may die at any step", sleepers(steps, flavour, 1, 2, true));
  });

  Deno.test(`model, ${flavour}: a reader holds up the grace periods that found it, no others`, () => {
    assertHolds("a reader that never leaves", holder(steps, flavour), ASLEEP);
    assertHolds("a reader that comes late and never leaves", latecomer(steps, flavour));
    assertHolds("a reader of the next grace period that never leaves", overtaken(steps, flavour));
  });

  Deno.test(`model, ${flavour}: an evicted reader is told, and nobody waits for it`, () => {
    assertHolds("1 reader, 1 evictor, 2 updates", evicted(steps, flavour));
  });
}

Deno.test("model: a section that is one call", () => {
  assertHolds("2 readers, 2 updates", fusedReaders(steps));
  assertHolds("1 sleeper", fusedSleeper(steps));
  assertHolds("1 evictor", fusedEvicted(steps));
});

Deno.test("model, qsbr: one quiescent state is enough", () =>
  assertHolds("1 sleeper", reports(steps)));

for (const flavour of ["memb", "qsbr", "srcu"] as Flavour[]) {
  Deno.test(`model, ${flavour}: a plain dereference is found in the weaker model`, () => {
    const plain = (section: number) =>
      readBlock(section).map((row) => {
        return isAccess(row) && row.word === "cell" ? { ...row, plain: true as const } : row;
      });
    const { words, threads } = oneUpdater(steps, flavour, 2, plain);
    // One reader: in the model, two that count in one array acquire from one another.
    const program = { words, threads: threads.slice(1) };
    assertEquals(explore(program, "sc").failure, undefined);
    assertEquals(explore(program, "weak").failure?.says, FREED);
  });

  Deno.test(`model, ${flavour}: a block freed without a grace period is found`, () => {
    const advance = [{ set: "holder", to: 0 }];
    const program = oneUpdater({ ...steps, advance, srcuAdvance: advance }, flavour);
    assertEquals(explore(program, "sc").failure?.says, FREED);
  });
}

Deno.test("model: a scan before the counter moves is found", () => {
  const scans = steps.advance.slice(
    steps.advance.findIndex((row) => isAccess(row) && row.word === "DOMAIN_SLOTS_USED"),
    steps.advance.findIndex((row) =>
      isAccess(row) && row.access === "cmpxchg" && row.word === "DOMAIN_GP_DONE"
    ),
  );
  // The scan of the old counter's holders, then the start of the new grace period, then its end.
  const advance: Body = [
    { label: "again" },
    { set: "holder", to: 0 },
    { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "current" },
    { jump: "return", when: computed(["current", "goal"], (current, goal) => current! >= goal!) },
    ...scans,
    { access: "store", width: 64, word: "DOMAIN_GP_CTR", value: "goal" },
    { label: "return" },
  ];
  assertEquals(explore(oneUpdater({ ...steps, advance }, "memb"), "sc").failure?.says, FREED);
});

/** Changes the sequence that `srcuAdvance` steps to. */
function withStep(by: (sequence: number) => number): Table {
  const srcuAdvance = steps.srcuAdvance.map((row) => {
    return "set" in row && row.set === "to"
      ? { ...row, to: computed(["sequence"], (sequence) => by(sequence!)) }
      : row;
  });
  return { ...steps, srcuAdvance };
}

Deno.test("model, srcu: without the drain before the flip, a block is freed too early", () => {
  const table = withStep((sequence) => sequence & 2 ? sequence + 2 : (sequence & ~3) + 2);
  assertEquals(explore(oneUpdater(table, "srcu"), "sc").failure?.says, FREED);
});

Deno.test("model, srcu: without the drain after the flip, a block is freed too early", () => {
  const table = withStep((sequence) => sequence & 1 ? sequence + 3 : sequence + 1);
  assertEquals(explore(oneUpdater(table, "srcu"), "sc").failure?.says, FREED);
});

/** The updater of a program of sleepers, with other steps around its `wait`. */
function resleep(program: Program, change: (body: Body) => Body): Program {
  const threads = program.threads.map((thread) => {
    return thread.name.startsWith("updater") ? { ...thread, body: change(thread.body) } : thread;
  });
  return { ...program, threads };
}

const at = (body: Body, of: (row: Row) => boolean) => body.findIndex(of);
const seen = (row: Row) => isAccess(row) && row.into === "wait.seen";
const sleeps = (row: Row) => isAccess(row) && row.access === "wait";
/** The jump that keeps a sleeper awake if no armed slot holds. */
const noneArmed = (row: Row) => "jump" in row && row.jump === "wait.look" && row.when !== undefined;
/** The jump that keeps a sleeper awake if the last look finds its grace period over. */
const noneLast = (body: Body) =>
  body.findLastIndex((row) => "jump" in row && row.jump === "wait.over");

const flavours: Flavour[] = ["memb", "qsbr", "srcu"];

Deno.test("model: EVENT read just before the sleep loses a wake-up", () => {
  for (const flavour of flavours) {
    const late = resleep(sleepers(steps, flavour, 1, 1), (body) => {
      const load = body[at(body, seen)]!;
      return body.toSpliced(at(body, sleeps), 0, load).toSpliced(at(body, seen), 1);
    });
    assertEquals(explore(late, "sc").failure?.says, ASLEEP, flavour);
  }
});

Deno.test("model: sleeping on a slot that another look found, not the armed one, loses a wake-up", () => {
  // The slots are armed, then `advance` looks again: what it finds may have stored an older counter
  // meanwhile, and then it is not armed. That the grace period is still the same does not help.
  for (const flavour of flavours) {
    const armed = flavour === "srcu" ? "wait.arm.sequence" : "wait.arm.current";
    const looks = resleep(sleepers(steps, flavour, 2, 1), (body) =>
      body.toSpliced(
        at(body, sleeps),
        0,
        { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "wait.state" },
        { jump: "wait.look", when: computed(["wait.state", armed], (a, b) => a !== b) },
      ).toSpliced(at(body, noneArmed), 1));
    assertEquals(explore(looks, "sc").failure?.says, ASLEEP, flavour);
  }
});

Deno.test("model: without the last look, a sleeper waits for a reader of the next grace period", () => {
  for (const flavour of flavours) {
    const blind = resleep(overtaken(steps, flavour), (body) => body.toSpliced(noneLast(body), 1));
    assertEquals(explore(blind, "sc").failure?.says, ASLEEP, flavour);
  }
});
