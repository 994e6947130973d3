/** The MRU word over every interleaving, and the code held against the model. */

import { accesses, type Body, explore, isAccess, type Memory, mutants } from "#tools/model/mod.ts";
import { assert, assertEquals } from "@std/assert";
import {
  around,
  bumpFirst,
  oneGracePeriod,
  program,
  type Protocol,
  seed,
  STALE,
  storeOnHit,
  tagged,
  taggedLookup,
  twoGracePeriods,
  versionOutside,
} from "./mru.ts";

function verdict(protocol: Protocol, memory: Memory): string {
  return explore(program(protocol), memory).failure?.says ?? "holds";
}

for (const [name, protocol] of Object.entries({ tagged, twoGracePeriods })) {
  Deno.test(`model: ${name} holds with 2 readers of 2 sections, 2 blocks freed`, () => {
    for (const memory of ["sc", "weak"] as const) {
      const { states, failure } = explore(program(protocol), memory);
      console.log(`  ${name}, ${memory}: ${states} states`);
      assertEquals(failure, undefined, failure?.trace.join("\n"));
    }
  });
}

const WRONG = { seed, oneGracePeriod, storeOnHit, bumpFirst, versionOutside };
for (const [name, protocol] of Object.entries(WRONG)) {
  Deno.test(`model: ${name} lets a reader use a reclaimed block`, () => {
    assertEquals(verdict(protocol, "sc"), STALE);
  });
}

/** The single mistakes that do no harm, and why. Whatever is not listed must be found. */
const HARMLESS_IN_LOOKUP = {
  "drop load MRU": "every lookup walks",
  "drop load LIST": "nothing is found but by the word",
  "drop store MRU": "every lookup walks",
  "swap load VERSION, load MRU": "both are in the section, and the version still precedes the walk",
  "swap load MRU, load LIST": "the word comes too late to be used",
  "swap load LIST, store MRU": "nothing is found yet, so nothing is stored",
  "plain load MRU": "the load of the version before it acquires",
  "plain load LIST": "the use depends on it by address; the language does not promise that",
  "plain store MRU": "words are whole in the model; the kernel's word must not tear",
};

const HARMLESS_IN_FREE = {
  "drop store MRU":
    "the tag protects by itself; the clearing spares readers a look at a dead entry",
  "swap add VERSION, store MRU": "the same",
  "swap store MRU, add GP_CTR": "the same",
  "plain store MRU": "the same",
  "plain store LIST": "the bump after it releases",
  "drop store ALIVE": "nothing is ever reclaimed",
  "swap load SLOT, load SLOT": "the order of the slots means nothing",
  "plain load SLOT": "the load of the other slot after it acquires",
};

function harmless(body: Body, protocol: (mutant: Body) => Protocol): string[] {
  const all = mutants(body).filter(({ body }) => verdict(protocol(body), "weak") === "holds");
  return all.map(({ name }) => name).sort();
}

Deno.test("model: every single mistake in a lookup is found, or known to be harmless", () => {
  const found = harmless(taggedLookup, (body) => ({ ...tagged, section: around(body) }));
  assertEquals(found, Object.keys(HARMLESS_IN_LOOKUP).sort());
});

Deno.test("model: every single mistake in freeing a block is found, or known to be harmless", () => {
  const found = harmless(tagged.free, (free) => ({ ...tagged, free }));
  assertEquals(found, Object.keys(HARMLESS_IN_FREE).sort());
});

Deno.test("the kernel makes the accesses of the model, in its order", async () => {
  const source = await Deno.readTextFile(new URL("../kernel/kernel.as.ts", import.meta.url));
  const ordered = (name: string) =>
    accesses(source, name).filter(({ plain }) => !plain).map(({ access, word }) =>
      `${access} ${word.replace(/^RAM_/, "")}`
    );
  // The walk loads the head and then each node: the model's list is one word.
  const model = taggedLookup.filter(isAccess).map(({ access, word }) => `${access} ${word}`);
  assertEquals(
    ordered("findBlock"),
    model.flatMap((step) => step === "load LIST" ? ["load head", "load block"] : [step]),
  );
  assertEquals(ordered("bumpVersion"), ["add VERSION", "store MRU"]);
});

Deno.test("the writer unlinks, bumps, and asks for the grace period, in this order", async () => {
  const source = await Deno.readTextFile(new URL("../blocks/list_writer.ts", import.meta.url));
  const body = source.slice(source.indexOf("export function retire("));
  const steps = ["core.list.remove(", "core.kernel.bumpVersion(", "core.reclaimer.callRcu("];
  const positions = steps.map((step) => body.indexOf(step));
  assert(positions.every((position) => position > 0));
  assertEquals(positions, positions.toSorted((a, b) => a - b));
});
