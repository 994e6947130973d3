import { assertEquals, assertThrows } from "@std/assert";
import { accesses, constants } from "./mod.ts";

const source = `
const CTR: usize = 64;
const SLOT_BYTES: usize = 128;

export function outer(domain: usize, cell: usize): u32 {
  // atomic.load<u32>(domain, NOT_THIS) stands in a comment.
  atomic.store<u64>(domain, inner(domain), CTR);
  if (load<u32>(usize(cell) + 4)) wake(domain);
  return atomic.load<u32>(cell);
}

function inner(domain: usize): u64 {
  return atomic.load<u64>(domain, CTR);
}

function wake(domain: usize): void {
  atomic.notify(domain + CTR, -1);
}
`;

Deno.test("accesses: arguments first, called functions in their places", () => {
  assertEquals(accesses(source, "outer"), [
    { access: "load", width: 64, word: "CTR" },
    { access: "store", width: 64, word: "CTR" },
    { access: "load", width: 32, word: "cell", plain: true },
    { access: "notify", width: 32, word: "CTR" },
    { access: "load", width: 32, word: "cell" },
  ]);
  assertThrows(() => accesses(source, "missing"), Error, 'no function "missing"');
});

Deno.test("constants: by name", () => {
  assertEquals([...constants(source)], [["CTR", 64], ["SLOT_BYTES", 128]]);
});
