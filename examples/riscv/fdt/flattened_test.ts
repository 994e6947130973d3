import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { DeviceNode } from "./device_tree.ts";
import { flatten, parseFlattened } from "./flattened.ts";

const name = fc.stringMatching(/^[a-z][a-z0-9,_@-]{0,12}$/);
const bytes = fc.uint8Array({ maxLength: 20 });

const { tree } = fc.letrec<{ tree: DeviceNode }>((tie) => ({
  tree: fc.record({
    name,
    properties: fc.array(fc.tuple(name, bytes), { maxLength: 5 }).map((list) => new Map(list)),
    children: fc.oneof(
      { depthSize: "small" },
      fc.constant([]),
      fc.array(tie("tree"), { maxLength: 3 }),
    ),
  }),
}));

Deno.test("a tree that is flattened and parsed is the same tree", () => {
  fc.assert(
    fc.property(tree, (root) => assertEquals(parseFlattened(flatten(root)), root)),
    { seed: 20260, numRuns: 200 },
  );
});

Deno.test("the header says how large the parts are, and names are shared", () => {
  const leaf = (at: string) => ({
    name: at,
    properties: new Map([["reg", bytesOf(1)]]),
    children: [],
  });
  const flat = flatten({ name: "", properties: new Map(), children: [leaf("a"), leaf("b")] });
  const view = new DataView(flat.buffer);
  const [total, structure, strings] = [4, 8, 12].map((at) => view.getUint32(at));
  assertEquals([total, view.getUint32(20), structure], [flat.length, 17, 56]);
  assertEquals(strings! + view.getUint32(32), flat.length);
  assertEquals(new TextDecoder().decode(flat.subarray(strings)), "reg\0");
});

Deno.test("what is no device tree is refused", () => {
  assertThrows(() => parseFlattened(bytesOf(1, 2)), RangeError, "it begins with 0x0");
  const flat = flatten({ name: "", properties: new Map(), children: [] });
  flat[59] = 7; // the first token
  assertThrows(() => parseFlattened(flat), RangeError, "it does not begin with a node");
});

function bytesOf(...list: number[]): Uint8Array {
  return Uint8Array.from(list);
}
