import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { addSpan, type Spans } from "./span.ts";

const span = fc.tuple(fc.nat(40), fc.nat(6)).map(([from, length]) => ({
  from: BigInt(from),
  to: BigInt(from + length),
}));

Deno.test("parts of a region are a sorted list of what was added, and of all between it if there are many", () => {
  fc.assert(
    fc.property(fc.array(span, { maxLength: 30 }), (added) => {
      let spans: Spans = [];
      const expected = new Set<bigint>();
      for (const one of added) {
        const before = spans;
        spans = addSpan(spans, one);
        for (let at = one.from; at < one.to; at++) expected.add(at);
        const covered = before.some(({ from, to }) => from <= one.from && one.to <= to);
        if (covered || one.from === one.to) assertEquals(spans, before, "nothing new");
        if (spans.length === 1 && before.length > 1) {
          for (let at = spans[0]!.from; at < spans[0]!.to; at++) expected.add(at);
        }
      }
      const has = spans.flatMap(({ from, to }) =>
        Array.from({ length: Number(to - from) }, (_, i) => from + BigInt(i))
      );
      assertEquals(has, [...expected].sort((a, b) => Number(a - b)));
      for (let i = 1; i < spans.length; i++) assertEquals(spans[i - 1]!.to < spans[i]!.from, true);
    }),
    { seed: 3, numRuns: 500 },
  );
});
