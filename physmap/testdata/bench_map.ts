/**
 * Address maps for benchmarks: how they are made, and where the accesses go.
 *
 * @module
 */

import { parseRange, readMachines } from "./machines.ts";

/** A range whose bounds are exact as numbers. */
export interface BenchRange {
  readonly first: number;
  readonly last: number;
  readonly isRam: boolean;
}

/** The ranges of a real machine's memory, but for those beyond 2^53. */
export async function machineRanges(name: string): Promise<BenchRange[]> {
  const machine = (await readMachines()).find(({ machine }) => machine === name);
  const views = machine!.views.toSorted((a, b) => b.ranges.length - a.ranges.length);
  const memory = views.find(({ root }) => root === "system" || root === "memory") ?? views[0]!;
  return memory.ranges.map(parseRange).filter(({ last }) => last < 2n ** 53n).map((range) => ({
    first: Number(range.first),
    last: Number(range.last),
    isRam: /ram|rom/.test(range.kind),
  }));
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/**
 * A PC's map with a given number of ranges: RAM below and above 4 GiB, the rest device registers of
 * 16 KiB to 1 MiB, naturally aligned, in windows below 4 GiB and at 512 GiB.
 */
export function pcRanges(count: number): BenchRange[] {
  const ranges: BenchRange[] = [
    { first: 0, last: 0x9ffff, isRam: true },
    { first: MIB, last: 512 * MIB - 1, isRam: true },
    { first: 4 * GIB, last: 4 * GIB + 512 * MIB - 1, isRam: true },
  ];
  let low = 3 * GIB, high = 512 * GIB;
  for (let i = 3; i < count; i++) {
    const size = 2 ** (14 + (i * 5) % 7);
    const isLow = i % 2 === 0 && low + 2 * size < 4 * GIB;
    const first = Math.ceil((isLow ? low : high) / size) * size;
    if (isLow) low = first + size;
    else high = first + size;
    ranges.push({ first, last: first + size - 1, isRam: false });
  }
  return ranges.toSorted((a, b) => a.first - b.first);
}

/** Random numbers from 0 to 1, the same in every run. */
function generator(): () => number {
  let state = 12345;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Random addresses, nine of ten in RAM, the rest among the other ranges, each as likely. */
export function accesses(ranges: readonly BenchRange[], count: number): Float64Array {
  const random = generator();
  const ram = ranges.filter(({ isRam }) => isRam), other = ranges.filter(({ isRam }) => !isRam);
  const size = ({ first, last }: BenchRange) => last - first + 1;
  const total = ram.reduce((sum, range) => sum + size(range), 0);
  return Float64Array.from({ length: count }, () => {
    if (random() >= 0.9) {
      const range = other[Math.floor(random() * other.length)]!;
      return range.first + Math.floor(random() * size(range));
    }
    let at = Math.floor(random() * total);
    for (const range of ram) {
      if (at < size(range)) return range.first + at;
      at -= size(range);
    }
    return 0;
  });
}
