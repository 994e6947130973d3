/**
 * What the kernel's functions for windows of guest RAM do, with one thread.
 *
 * @module
 */

import { check, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { CELL, contract, equal, holds } from "./contract_memory.ts";
import { k, kernel } from "./mru.ts";

function* words(): Steps {
  yield* k.store32(CELL, 0b1100);
  equal(yield* k.add32(CELL, 1), 0b1100, "add32");
  equal(yield* k.or32(CELL, 0b0110), 0b1101, "or32");
  equal(yield* k.and32(CELL, 0b0101), 0b1111, "and32");
  equal(yield* k.compareExchange32(CELL, 1, 9), 0b0101, "compareExchange32 of another value");
  equal(yield* k.compareExchange32(CELL, 0b0101, 9), 0b0101, "compareExchange32");
  equal(yield* k.load32(CELL), 9, "load32");
}

/** Halves that are negative with a sign, and one that is aligned as an address is. */
const [LOW, HIGH] = [0x8000_0008, 0x8000_0002];

function* eightBytes(): Steps {
  for (const offset of [0, 1, 2, 4, 8, 9, 10, 12]) {
    const at = CELL + offset;
    yield* k.store64(at, LOW, HIGH);
    equal((yield* k.load64(at)) >>> 0, LOW, "load64");
    equal((yield* k.upper()) >>> 0, HIGH, "the upper half");
  }
  yield* k.store64(CELL + 8, LOW, HIGH);
  yield* run(holds, CELL + 8, LOW, "what store64 stored");
  yield* run(holds, CELL + 12, HIGH, "what store64 stored");
}

function* exchanges(): Steps {
  const at = CELL + 16;
  yield* k.store64(at, 1, HIGH);
  equal(yield* k.compareExchange64(at, 1, 0, 5, 6), 1, "compareExchange64 of another value");
  equal((yield* k.upper()) >>> 0, HIGH, "the upper half");
  equal(yield* k.compareExchange64(at, 1, HIGH, LOW, 6), 1, "compareExchange64");
  equal((yield* k.load64(at)) >>> 0, LOW, "what compareExchange64 stored");
  equal(yield* k.upper(), 6, "its upper half");
  equal((yield* k.compareExchange64(at, LOW, 6, 7, HIGH)) >>> 0, LOW, "compareExchange64");
  equal(yield* k.load64(at), 7, "what compareExchange64 stored");
  equal((yield* k.upper()) >>> 0, HIGH, "its upper half");
}

// ---- scrubbing ----------------------------------------------------------------------------------

const PAGE = 4096;
const START = 2 ** 31 - PAGE;
const AROUND = 8;
const STAYS = 0x0101_0101;

/** Scrubs pages of which some bytes are not zero. What lies around them stays. */
function scrubbing(pages: number, wanted: number, bytes: readonly number[]): Program {
  const origin = START - AROUND;
  const end = START + pages * PAGE;
  function* scrub(): Steps {
    equal(yield* k.scrub(START, pages), wanted, "the pages that were written");
  }
  return {
    kernel,
    bytes: AROUND + (pages + 1) * PAGE,
    origin,
    setUp: ({ u8, u32 }) => {
      for (const at of bytes) u8[AROUND + at] = 0x80;
      for (const at of [START - 4, end, end + PAGE - 4]) u32[(at - origin) / 4] = STAYS;
    },
    threads: [{ name: "caller", script: scrub }],
    atEnd: ({ load32 }) => {
      for (let at = START; at < end; at += 4) check(load32(at) === 0, `byte ${at} is not zero`);
      for (const at of [START - 4, end, end + PAGE - 4]) equal(load32(at), STAYS, `byte ${at}`);
    },
  };
}

/** The bytes of a page that are not zero. The kernel looks at 32 at once, as four words. */
const PLACES: Readonly<Record<string, readonly number[]>> = {
  "the first byte": [0],
  "the first word": [32 + 7],
  "the second word": [32 + 8],
  "the third word": [32 + 16],
  "the fourth word": [32 + 24],
  "the first and second word": [7, 15],
  "the second and third word": [15, 23],
  "the third and fourth word": [23, 31],
  "the fourth and first word": [31, 7],
  "the last byte": [PAGE - 1],
};

/** The contracts by name. */
export const windowContracts: Readonly<Record<string, Program>> = {
  "words": contract(words),
  "eight bytes": contract(eightBytes),
  "exchanges of eight bytes": contract(exchanges),
  ...Object.fromEntries(
    Object.entries(PLACES).map(([name, bytes]) => [`scrub, ${name}`, scrubbing(1, 1, bytes)]),
  ),
  "scrub, a zero page and another": scrubbing(2, 1, [PAGE, 2 * PAGE - 1]),
  "scrub, two pages": scrubbing(2, 2, [0, PAGE + 8]),
  "scrub, no page": scrubbing(0, 0, []),
};
