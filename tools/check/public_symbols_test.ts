import { assertEquals } from "@std/assert";
import { checkPublicSymbols, exportedNames, reportPublicSymbols } from "./public_symbols.ts";

Deno.test("exportedNames finds lists, renames and declarations, and no comment", () => {
  const source = `
    export { a, type B, c as d } from "./a.ts"; // export { x } from "./x.ts";
    export type { E } from "./e.ts";
    export const f = 1;
    export class G {}
    export abstract class H {}
    export async function i() {}
    export interface J {}
    export type K = J;
    /** export const y = 1; */
    import { z } from "./z.ts";
  `;
  assertEquals(exportedNames(source), [..."aBdEfGHiJK"]);
});

/** Two packages, one of which has two entries. */
const TREE = new Map([
  [
    "rcu/deno.json",
    `{ "exports": {
      ".": "./mod.ts",
      "./layout": "./layout/mod.ts",
      "./internal": "./internal.ts"
    } }`,
  ],
  ["rcu/internal.ts", 'export { kernel } from "./kernel.ts";'],
  ["rcu/mod.ts", 'export { Arena, type Handle } from "./arena.ts";'],
  ["rcu/layout/mod.ts", "export function defineLayout() {}"],
  [
    "rcu/errors.ts",
    `export class RcuError extends CodedError<Details> {}
     export class EvictedError extends RcuError {}
     class NoErrorAtAll {}`,
  ],
  ["rcu/errors_test.ts", "class Planted extends Error {}"],
]);
const SYMBOLS = { "@guestmem/rcu": 2, "@guestmem/rcu/layout": 1, "@guestmem/rcu/internal": 1 };

const WITHOUT_LAYOUT = { "@guestmem/rcu": 2, "@guestmem/rcu/internal": 1 };

Deno.test("counts within their limits pass", () => {
  assertEquals(checkPublicSymbols(TREE, SYMBOLS, { rcu: 2 }), []);
  assertEquals(reportPublicSymbols(TREE).split("\n").map((line) => line.split(", physmap")[0]), [
    "public symbols: 3 (rcu 2, rcu/layout 1)",
    "for siblings only: 1 (rcu/internal 1)",
    "error classes: 2 (rcu 2",
  ]);
});

Deno.test("a door that grew, a class too many, a door without a limit and a hidden list are caught", () => {
  assertEquals(checkPublicSymbols(TREE, { ...SYMBOLS, "@guestmem/rcu": 1 }, { rcu: 2 }), [
    "@guestmem/rcu: 2 public symbols, at most 1 are agreed",
  ]);
  assertEquals(checkPublicSymbols(TREE, SYMBOLS, { rcu: 1 }), [
    "rcu: 2 error classes, at most 1 are agreed",
  ]);
  assertEquals(checkPublicSymbols(TREE, WITHOUT_LAYOUT, { rcu: 2 }), [
    "@guestmem/rcu/layout: 1 public symbols, at most 0 are agreed",
  ]);
  const star = new Map([...TREE, ["rcu/mod.ts", 'export * from "./arena.ts";']]);
  assertEquals(checkPublicSymbols(star, SYMBOLS, { rcu: 2 }), [
    "rcu/mod.ts: exports *: a door lists what it exports",
  ]);
});
