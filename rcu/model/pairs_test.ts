import { explore, type Program } from "#tools/model/mod.ts";
import { assertEquals } from "@std/assert";
import { announce, cacheOutside, corrects, oneWord, republishes, rereadTable } from "./pairs.ts";

const TORN = "a torn pair";
const SPINS = "stuck: the threads go round for ever";

const outcomes: [string, Program, string | undefined][] = [
  ["first sketch (table, root, table again)", rereadTable(), TORN],
  ["second sketch (announced table)", announce(), TORN],
  ["pair kept outside the section", cacheOutside(), TORN],
  ["corrected reader of the second sketch", corrects(false), undefined],
  ["corrected reader, table published again at once", republishes(false), TORN],
  ["corrected reader, table published again after a grace period", republishes(true), undefined],
  ["corrected reader, writer dies between its stores", corrects(true), SPINS],
  ["both halves in one word, writer may die", oneWord(), undefined],
];

for (const [name, program, says] of outcomes) {
  Deno.test(`pair protocols, ${name}: ${says ?? "right"}`, () => {
    for (const memory of ["sc", "weak"] as const) {
      const { states, failure } = explore(program, memory);
      console.log(`  ${memory}: ${states} states`);
      assertEquals(failure?.says, says, failure?.trace.join("\n"));
    }
  });
}
