/** Races and deaths, each with the same program without the mistake. */

import { assert, assertEquals } from "@std/assert";
import { DATA, outcome, X } from "./explore_scripts.ts";
import type { Thread } from "./program.ts";
import { again, check, dead, run, type Script, type Steps } from "./script.ts";
import { t } from "./test_kernel.ts";

function* storeX(): Steps {
  yield* t.store(X, 1);
}

function* send(): Steps {
  yield* t.plainStore(DATA, 1);
  yield* t.store(X, 1);
}

Deno.test("a race: plain data is published by an atomic flag, not by a plain one", () => {
  function* receive(): Steps {
    if ((yield* t.load(X)) === 0) return;
    check((yield* t.plainLoad(DATA)) === 1, "data missing");
  }
  function* early(): Steps {
    yield* t.plainLoad(DATA);
  }
  assertEquals(outcome([send, receive]).failure, undefined);
  const { failure } = outcome([send, early]);
  assertEquals(failure, {
    kind: "race",
    says: "a data race",
    trace: ["a: plainStore: next, plain store data", "b: plainLoad: next, plain load data"],
  });
  const listed = { mayRace: (address: number) => address === DATA };
  assertEquals(outcome([send, early], listed).failure, undefined);
});

Deno.test("a race that no run shows side by side at first: the flag is read but not waited for", () => {
  function* receive(): Steps {
    yield* t.load(X);
    yield* t.plainLoad(DATA);
  }
  assertEquals(outcome([send, receive]).failure?.kind, "race");
});

Deno.test("an atomic and a plain access race, and so do atomics of different widths", () => {
  function* plain(): Steps {
    yield* t.plainLoad(X);
  }
  assertEquals(outcome([storeX, plain]).failure?.kind, "race");
  function* fill(): Steps {
    yield* t.fill(X, 0, 8);
  }
  assertEquals(outcome([storeX, fill]).failure?.kind, "race");
  function* copy(): Steps {
    yield* t.copy(DATA, X, 4);
  }
  assertEquals(outcome([storeX, copy]).failure?.kind, "race");
});

Deno.test("a death orders what was done before it: who has learned of it races with nothing", () => {
  function* owner(): Steps {
    yield* t.plainStore(DATA, 1);
    yield* t.store(X, 1);
  }
  function* adopt(): Steps {
    if (!(yield* dead("a"))) return again(adopt);
    yield* t.plainStore(DATA, 2);
  }
  function* rash(): Steps {
    yield* t.plainStore(DATA, 2);
  }
  const threads = (adopter: Script): readonly Thread[] => [
    { name: "a", script: owner, dies: true },
    { name: "b", script: adopter },
  ];
  const program = (adopter: Script) => outcome([], { threads: threads(adopter) }).failure?.kind;
  // If the owner does not die, the adopter waits for ever; it must not race.
  assertEquals(program(adopt), "livelock");
  assertEquals(program(rash), "race");
});

Deno.test("death: a lock whose holder dies is never free again, unless somebody learns of it", () => {
  function* hold(): Steps {
    if ((yield* t.cas(X, 0, 1)) !== 0) return again(hold);
    yield* t.store(X, 0);
  }
  function* take(): Steps {
    if ((yield* t.cas(X, 0, 2)) !== 0) return again(take);
    yield* t.store(X, 0);
  }
  function* give(): Steps {
    yield* t.store(X, 0);
  }
  function* takeOver(): Steps {
    const holder = yield* t.cas(X, 0, 2);
    if (holder === 0) return yield* run(give);
    if (yield* dead("a")) yield* t.cas(X, 1, 0);
    return again(takeOver);
  }
  const program = (script: Script, dies: boolean) =>
    outcome([], { threads: [{ name: "a", script: hold, dies }, { name: "b", script }] }).failure;
  assertEquals(program(take, false), undefined);
  const failure = program(take, true)!;
  assertEquals(failure.kind, "livelock");
  assert(failure.trace.includes("a dies"), failure.trace.join("\n"));
  assertEquals(program(takeOver, true), undefined);
});
