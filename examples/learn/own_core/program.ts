/**
 * What the guest runs: rounds of loads and stores to everything that changes.
 *
 * @module
 */

import { OP } from "./kernel/layouts.ts";

export const RAM_BYTES = 0x1_0000;
/** In RAM: the rounds gone, and the loads that saw {@linkcode POISON}. */
export const OUT = 0x4000;
/** Where the BAR is, or a page further on. */
export const BAR = 0x8000_1000;
/** The device's one register. */
export const DEVICE = 0x8000_4000;
/** What its first four bytes hold. */
export const DEVICE_VALUE = 0xfa2;
/** The DIMM's socket. */
export const DIMM = 0x1_0000_0000;
/** What every word of a DIMM holds when it is unplugged and its grace period is over. */
export const POISON: bigint = 2n ** 64n - 1n;

function encode(op: number, a: number, b: number, immediate: number): number {
  return (op | a << 8 | b << 12 | immediate << 16) >>> 0;
}
const set = (a: number, value: number) => encode(OP.SET, a, 0, value);
const shift = (a: number, by: number) => encode(OP.SHIFT, a, a, by);
const add = (a: number, b: number, value: number) => encode(OP.ADD, a, b, value);
const load = (a: number, b: number, offset: number) => encode(OP.LOAD, a, b, offset);
const store = (a: number, b: number, offset: number) => encode(OP.STORE, a, b, offset);
const branch = (a: number, b: number, distance: number) => encode(OP.BRANCH, a, b, distance);

// Registers
const [ZERO, ONE, OUT_AT, DEVICES_AT, DIMM_AT, ALL_ONES, ROUNDS, STALE, SEEN] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
] as const;
/** Holds what was loaded from where the BAR was last. */
export const FROM_BAR = 9;
/** Holds what was loaded from the page behind it. */
export const BEHIND_BAR = 10;
/** Holds what was loaded from the device. */
export const FROM_DEVICE = 11;

const START = [
  ...[set(ZERO, 0), set(ONE, 1), set(ROUNDS, 0), set(STALE, 0), set(ALL_ONES, -1)],
  set(OUT_AT, OUT),
  ...[set(DEVICES_AT, 1), shift(DEVICES_AT, 31)],
  ...[set(DIMM_AT, 1), shift(DIMM_AT, 32)],
];

/** No two of the pages share an entry of the TLB, so that an entry that is kept stays. */
const ROUND = [
  load(SEEN, DIMM_AT, 0x5010),
  branch(SEEN, ALL_ONES, 8),
  add(STALE, STALE, 1),
  store(ROUNDS, DIMM_AT, 0x5018),
  load(FROM_BAR, DEVICES_AT, 0x1000),
  load(BEHIND_BAR, DEVICES_AT, 0x2000),
  load(FROM_DEVICE, DEVICES_AT, 0x4000),
  add(ROUNDS, ROUNDS, 1),
  store(STALE, OUT_AT, 8),
  store(ROUNDS, OUT_AT, 0),
];

/** The program, which starts at address 0 and never ends. */
export const PROGRAM: readonly number[] = [
  ...START,
  ...ROUND,
  branch(ONE, ZERO, -4 * ROUND.length),
];
