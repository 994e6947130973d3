import { type Body, explore, mutants } from "#tools/model/mod.ts";
import { assertEquals } from "@std/assert";
import { LATE, notesLate, section, unmap, unmapping, usesOutside } from "./unmap_protocol.ts";

/** What goes wrong under either memory model, if anything. */
function failure(control: Body, device: Body): string | undefined {
  for (const memory of ["sc", "weak"] as const) {
    const found = explore(unmapping(control, device), memory).failure;
    if (found) return found.says;
  }
  return undefined;
}

Deno.test("model: no device uses a page whose unmapping is complete", () => {
  for (const memory of ["sc", "weak"] as const) {
    const { states, failure } = explore(unmapping(unmap, section), memory);
    console.log(`  ${memory}: ${states} states`);
    assertEquals(failure?.says, undefined, failure?.trace.join("\n"));
  }
});

/** The mistakes in a function under which nothing goes wrong. */
function harmless(body: Body, failureOf: (mutant: Body) => string | undefined): string[] {
  const survivors = mutants(body).filter((mutant) => failureOf(mutant.body) === undefined);
  return survivors.map(({ name }) => name);
}

Deno.test("model: each mistake of the control context is found, except two harmless ones", () => {
  assertEquals(harmless(unmap, (mutant) => failure(mutant, section)), [
    "drop store page", // then the page stays the device's
    "plain store ENTRY", // the store of TAIL comes after it; atomic only so that it cannot tear
  ]);
});

Deno.test("model: each mistake of the device is found, except four harmless ones", () => {
  assertEquals(harmless(section, (mutant) => failure(unmap, mutant)), [
    "drop load ENTRY", // then nothing is ever translated
    "swap load ENTRY, load page", // then nothing but a hit is ever used
    "plain load GP_CTR", // what needs that load is in the models of package rcu
    "plain load ENTRY", // the load of TAIL comes before it; atomic only so that it cannot tear
  ]);
});

Deno.test("model: a walk before the load of TAIL, or a use after the section, is late", () => {
  assertEquals(failure(unmap, notesLate), LATE);
  assertEquals(failure(unmap, usesOutside), LATE);
});
