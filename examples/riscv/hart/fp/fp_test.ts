import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { compareAll } from "./model/compare.ts";
import { operands } from "./model/operands.ts";
import { floatingPoint } from "./program.ts";

const fp = floatingPoint();

Deno.test("every operation gives the result and the exceptions of its definition", () => {
  fc.assert(
    fc.property(operands(), (operands) => {
      compareAll(fp, operands);
    }),
    { seed: 1, numRuns: 4_000 },
  );
});

Deno.test("a register that holds no boxed single reads as the canonical NaN", () => {
  const unbox = fp["unbox"] as (register: bigint) => number;
  const box = fp["box"] as (x: number) => bigint;
  assertEquals(unbox(0xffff_ffff_3f80_0000n), 0x3f80_0000);
  assertEquals(unbox(0xffff_fffe_3f80_0000n), 0x7fc0_0000);
  assertEquals(unbox(0x3f80_0000n), 0x7fc0_0000);
  assertEquals(BigInt.asUintN(64, box(0x3f80_0000)), 0xffff_ffff_3f80_0000n);
  assertEquals(BigInt.asUintN(64, box(-1)), 0xffff_ffff_ffff_ffffn);
});
