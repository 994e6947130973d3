import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Extent, findRamOffset } from "./find_ram_offset.ts";

const MiB = 2 ** 20;
const PAGE = 4096;

Deno.test("offsets: the first block goes to 0, the next behind it", () => {
  assertEquals(findRamOffset([], MiB, 12, 8 * MiB), 0);
  assertEquals(findRamOffset([{ offset: 0, maxLength: MiB }], MiB, 12, 8 * MiB), MiB);
});

Deno.test("offsets: candidates are aligned to 64 pages", () => {
  assertEquals(findRamOffset([{ offset: 0, maxLength: 3 * PAGE }], PAGE, 12, MiB), 64 * PAGE);
  assertEquals(findRamOffset([{ offset: 0, maxLength: 65536 }], 65536, 16, 2 ** 23), 64 * 65536);
});

Deno.test("offsets: the smallest gap that fits wins, before the space behind the last block", () => {
  const blocks = [0, 4, 6, 9].map((at) => ({ offset: at * MiB, maxLength: MiB }));
  // Gaps: 3 MiB at 1, 1 MiB at 5, 2 MiB at 7, and the rest from 10 on.
  assertEquals(findRamOffset(blocks, MiB, 12, 64 * MiB), 5 * MiB);
  assertEquals(findRamOffset(blocks, 2 * MiB, 12, 64 * MiB), 7 * MiB);
  assertEquals(findRamOffset(blocks, 3 * MiB, 12, 64 * MiB), MiB);
  assertEquals(findRamOffset(blocks, 4 * MiB, 12, 64 * MiB), 10 * MiB);
  // The space behind the last block counts as endless, also where it ends soon.
  assertEquals(findRamOffset(blocks, 3 * MiB, 12, 13 * MiB), MiB);
  assertEquals(findRamOffset(blocks, 4 * MiB, 12, 13 * MiB), -1);
});

Deno.test("offsets: the gap before the first block is used only if nothing else fits", () => {
  const block = { offset: 4 * MiB, maxLength: MiB };
  assertEquals(findRamOffset([block], 3 * MiB, 12, 8 * MiB), 5 * MiB);
  assertEquals(findRamOffset([block], 4 * MiB, 12, 8 * MiB), 0);
  assertEquals(findRamOffset([block], 5 * MiB, 12, 8 * MiB), -1);
});

Deno.test("offsets: of equal gaps the first in the list's order", () => {
  const blocks = [6, 0, 3].map((at) => ({ offset: (at + 1) * MiB, maxLength: MiB }));
  assertEquals(findRamOffset(blocks, 2 * MiB, 12, 64 * MiB), 2 * MiB);
  assertEquals(findRamOffset(blocks.toReversed(), 2 * MiB, 12, 64 * MiB), 5 * MiB);
  assertEquals(findRamOffset([{ offset: 4 * MiB, maxLength: MiB }], MiB, 12, 64 * MiB), 5 * MiB);
});

/** The rule read out slowly: tries every aligned position. */
function slow(blocks: readonly Extent[], length: number, limit: number): number {
  if (blocks.length === 0) return length <= limit ? 0 : -1;
  const alignment = 64 * PAGE;
  const gaps = blocks.map(({ offset, maxLength }) => {
    const start = Math.ceil((offset + maxLength) / alignment) * alignment;
    const later = blocks.map((other) => other.offset).filter((other) => other >= start);
    const end = later.length > 0 ? Math.min(...later) : Infinity;
    return { start, size: end - start, fits: Math.min(end, limit) - start >= length };
  }).filter(({ fits }) => fits);
  const size = Math.min(...gaps.map(({ size }) => size));
  const before = Math.min(...blocks.map(({ offset }) => offset));
  return gaps.find((gap) => gap.size === size)?.start ?? (before >= length ? 0 : -1);
}

Deno.test("offsets agree with a slow and literal reading of the rule, and never overlap", () => {
  const pages = fc.integer({ min: 1, max: 200 });
  fc.assert(
    fc.property(fc.array(fc.tuple(pages, fc.boolean()), { maxLength: 40 }), (steps) => {
      const blocks: Extent[] = [];
      for (const [count, remove] of steps) {
        if (remove && blocks.length > 0) blocks.splice(count % blocks.length, 1);
        const length = count * PAGE;
        const offset = findRamOffset(blocks, length, 12, 16 * MiB);
        assertEquals(offset, slow(blocks, length, 16 * MiB));
        if (offset < 0) continue;
        for (const other of blocks) {
          const apart = offset >= other.offset + other.maxLength || offset + length <= other.offset;
          assertEquals(apart, true);
        }
        const at = blocks.findIndex(({ maxLength }) => maxLength < length);
        blocks.splice(at < 0 ? blocks.length : at, 0, { offset, maxLength: length });
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});
