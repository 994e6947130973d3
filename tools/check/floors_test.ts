import { assertEquals } from "@std/assert";
import { checkFloors } from "./floors.ts";

const FLOORS = { rcu: ["kernel", "arena", "arena/blocks", "domain"] };

const SOUND: Record<string, string> = {
  "rcu/mod.ts": 'export * from "./domain/domain.ts";',
  "rcu/domain/domain.ts": 'import "../arena/arena.ts"; import "../kernel/deep/word.ts";',
  "rcu/arena/arena.ts": 'import "../kernel/deep/word.ts"; import "./limbo.ts";',
  "rcu/arena/limbo.ts": "",
  "rcu/arena/blocks/block.ts": 'import "../arena.ts";',
  "rcu/kernel/deep/word.ts": 'import "../load.ts";',
  "rcu/kernel/load.ts": 'import "./deep/word.ts";',
};

const check = (changes: Record<string, string> = {}): string[] =>
  checkFloors(new Map(Object.entries({ ...SOUND, ...changes })), FLOORS);

Deno.test("imports that point down, or stay on their floor, pass", () => {
  assertEquals(check(), []);
  assertEquals(check({ "rcu/arena/arena_test.ts": 'import "../domain/domain.ts";' }), []);
});

Deno.test("an import that points up is caught, for types and for the module of a worker too", () => {
  for (
    const source of [
      'import { d } from "../domain/domain.ts";',
      'import type { D } from "../domain/domain.ts";',
      'const d = await import("../domain/domain.ts");',
      'start(import.meta.resolve("../domain/domain.ts"));',
    ]
  ) {
    assertEquals(check({ "rcu/arena/limbo.ts": source }), [
      "rcu/arena/limbo.ts: imports rcu/domain/domain.ts, which is on a higher floor",
    ]);
  }
  assertEquals(check({ "rcu/arena/limbo.ts": 'import "./blocks/block.ts";' }), [
    "rcu/arena/limbo.ts: imports rcu/arena/blocks/block.ts, which is on a higher floor",
  ]);
});

Deno.test("no floor may import a door", () => {
  assertEquals(check({ "rcu/domain/x.ts": 'import type { A } from "../mod.ts";' }), [
    "rcu/domain/x.ts: imports rcu/mod.ts, which is on a higher floor",
  ]);
});

Deno.test("a folder without a floor and a floor without a folder are caught", () => {
  assertEquals(check({ "rcu/attic/x.ts": 'import "../mod.ts";' }), ["rcu/attic: has no floor"]);
  assertEquals(checkFloors(new Map(), { rcu: ["cellar"] }), [
    "rcu/cellar: is a floor without a folder",
  ]);
});
