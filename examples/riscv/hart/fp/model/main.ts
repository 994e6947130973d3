/**
 * The comparison of `fp_test.ts` for as long as you like, with another seed each time.
 *
 *     deno run --import-map=tools/offline/imports.json \
 *       examples/riscv/hart/fp/model/main.ts [seconds] [seed]
 *
 * @module
 */

import fc from "fast-check";
import { floatingPoint } from "../program.ts";
import { compareAll } from "./compare.ts";
import { operands } from "./operands.ts";
import { OPERATIONS } from "./suite.ts";

const [seconds = 60, seed = Date.now() & 0x7fff_ffff] = Deno.args.map(Number);
const fp = floatingPoint();
const end = performance.now() + seconds * 1000;
let compared = 0;
let triples = 0;
for (let round = 0; performance.now() < end; round++) {
  fc.assert(
    fc.property(operands(), (operands) => {
      compared += compareAll(fp, operands);
      triples++;
    }),
    { seed: seed + round, numRuns: 1_000 },
  );
}
console.log(
  `${compared} calls of ${OPERATIONS.length} operations on ${triples} sets of operands, ` +
    `seed ${seed}: no difference`,
);
