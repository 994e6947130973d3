/**
 * A thousand operations in a loop of the module itself: divide by 1000. "native" rounds to nearest,
 * ties to even, "soft" to nearest, ties away, which always computes with integers except in
 * conversions to an integer. Fused operations on doubles are soft in both. The exact error is
 * computed only while NX has not accrued.
 */

import { floatingPoint } from "./program.ts";

const COUNT = 1000;
const RNE = 0;
const RMM = 4;

const fp = floatingPoint();
const a = 0x4009_21fb_5444_2d18n;
const b = 0x3ff6_a09e_667f_3bcdn;
const ZERO = 0n;
const TWO = 0x4000_0000_0000_0000n;
const singles = [0x4049_0fdbn, 0x3fb5_04f3n] as const;

type Loop = (count: number, a: bigint, b: bigint, mode: number) => bigint;

/** Measures a loop with these exceptions accrued before. */
function bench(group: string, name: string, operands: readonly [bigint, bigint], mode: number) {
  const loop = fp[`loop${group}`] as Loop;
  const before = name === "native, NX clear" ? 0 : 1;
  Deno.bench({
    group,
    name: `${group}: ${name}`,
    baseline: name.startsWith("native, NX set"),
    fn: () => {
      fp.setFlags(before);
      loop(COUNT, ...operands, mode);
    },
  });
}

bench("Plain", "the engine's addition, no exceptions", [a, b], RNE);
for (const group of ["Add64", "Mul64", "Div64", "Sqrt64", "Fma64", "ToSingle", "ToLong"]) {
  bench(group, "native, NX set", [a, b], RNE);
  bench(group, "soft", [a, b], RMM);
}
bench("Fma32", "native, NX set", singles, RNE);
bench("Fma32", "soft", singles, RMM);
// Exact results: NX never accrues, so every error is computed.
bench("Add64", "native, NX clear", [a, ZERO], RNE);
bench("Mul64", "native, NX clear", [a, TWO], RNE);
bench("Div64", "native, NX clear", [a, TWO], RNE);
