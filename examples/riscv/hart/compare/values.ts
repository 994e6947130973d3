/**
 * Values for registers and memory, more often than chance would have it at the borders.
 *
 * @module
 */

import type { Random } from "../../../lib/random.ts";

/** Values that are drawn as they are now and then. */
export interface Values {
  readonly bits: 32 | 64;
  readonly special: readonly bigint[];
}

export const INTEGERS: Values = {
  bits: 64,
  special: [0n, 1n, ~0n, 1n << 63n, (1n << 63n) - 1n, 1n << 31n, ~0n << 31n, 0xffff_ffffn],
};

/** Zero, one, subnormals, the least and the largest normal, infinity, NaNs; then halves and limits. */
export const SINGLES: Values = {
  bits: 32,
  special: [
    ...[
      0n,
      0x3f800000n,
      1n,
      0x7fffffn,
      0x800000n,
      0x7f7fffffn,
      0x7f800000n,
      0x7fc00000n,
      0x7f800001n,
    ],
    ...[0x3f000000n, 0x3fc00000n, 0x4effffffn, 0x4f000000n, 0x5f000000n, 0x4b000000n, 0x33800000n],
  ],
};

export const DOUBLES: Values = {
  bits: 64,
  special: [
    ...[0n, 0x3ff0000000000000n, 1n, 0xfffffffffffffn, 0x10000000000000n, 0x7fefffffffffffffn],
    ...[0x7ff0000000000000n, 0x7ff8000000000000n, 0x7ff0000000000001n, 0x3fe0000000000000n],
    ...[0x3ff8000000000000n, 0x41dfffffffc00000n, 0x41e0000000000000n, 0x43e0000000000000n],
    ...[0x4330000000000000n, 0x3ca0000000000000n, 0x380fffffe0000000n, 0x47efffffe0000000n],
  ],
};

/** Draws one: special, special with its sign changed, near to special, or any. */
export function randomValue(random: Random, { bits, special }: Values): bigint {
  const any = BigInt(random.below(2 ** 32)) << 32n | BigInt(random.below(2 ** 32));
  const one = special[random.below(special.length)]!;
  const choice = [one, one ^ 1n << BigInt(bits - 1), one + BigInt(random.below(5) - 2), any][
    random.below(4)
  ]!;
  return BigInt.asUintN(bits, choice);
}
