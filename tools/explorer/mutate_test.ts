import { assert, assertEquals } from "@std/assert";
import { KERNEL_BASE64 } from "../../rcu/kernel/bytes.ts";
import { decode, decodeKernel } from "./decode.ts";
import { assemble } from "./encode.ts";
import { moduleOf, type Mutant, mutants } from "./mutate.ts";
import { runAlone } from "./run_alone.ts";

/** The mutants of one function of one word, by what they say. */
function mutantsOf(body: string, params = "i", results = "i"): Map<string, Mutant> {
  const module = decode(assemble({ f: { params, results, body } }));
  return new Map([...mutants(module)].map((mutant) => [mutant.name.slice("f: ".length), mutant]));
}

/** What a mutant returns and leaves in the first words of a memory that holds 10, 20 and 30. */
function runMutant(mutant: Mutant | undefined, ...args: number[]): (number | bigint | undefined)[] {
  assert(mutant, "there is such a mutant");
  const words = new Uint32Array([10, 20, 30, 0]);
  const module = moduleOf(mutant);
  const u8 = new Uint8Array(words.buffer);
  const result = runAlone(module, module.exports.get("f")!, args, u8, []);
  assert(typeof result !== "string", `it ${result}s`);
  return [result, ...words.subarray(0, 3)];
}

Deno.test("operands off by one: constants, fields, locals", () => {
  const found = mutantsOf(
    "local.get 0 i32.atomic.load 4 local.get 1 i32.add i32.const 5 i32.add",
    "ii",
  );
  assertEquals(runMutant(found.get("i32.const 5 -> 6"), 0, 100), [126, 10, 20, 30]);
  assertEquals(runMutant(found.get("i32.const 5 -> 4"), 0, 100), [124, 10, 20, 30]);
  assertEquals(runMutant(found.get("i32.atomic.load 4 -> 8"), 0, 100), [135, 10, 20, 30]);
  assertEquals(runMutant(found.get("i32.atomic.load 4 -> 0"), 0, 100), [115, 10, 20, 30]);
  assertEquals(runMutant(found.get("local.get 1 -> 0"), 0, 100), [25, 10, 20, 30]);
});

Deno.test("operators, comparisons and branches", () => {
  const found = mutantsOf("i32.const 7 i32.const 8 local.get 0 i32.const 3 i32.lt_u select");
  assertEquals(runMutant(found.get("i32.lt_u -> i32.le_u"), 3)[0], 7);
  assertEquals(runMutant(found.get("i32.lt_u -> i32.gt_u"), 2)[0], 8);
  assertEquals(runMutant(found.get("i32.lt_u -> i32.lt_s"), -1)[0], 7);
  assertEquals(runMutant(found.get("select negated"), 2)[0], 8);
  const zero = mutantsOf("local.get 0 i32.eqz");
  assertEquals(runMutant(zero.get("i32.eqz negated"), 0)[0], 0);
});

Deno.test("an access is left out: nothing is stored, and what is read is 0", () => {
  const found = mutantsOf(
    "local.get 0 i32.const 1 i32.atomic.store 0 local.get 0 i32.atomic.load 4",
  );
  assertEquals(runMutant(found.get("i32.atomic.store left out"), 0), [20, 10, 20, 30]);
  assertEquals(runMutant(found.get("i32.atomic.load left out"), 0), [0, 1, 20, 30]);
});

Deno.test("two accesses in the wrong order", () => {
  const found = mutantsOf(
    "local.get 0 i32.const 1 i32.atomic.store 0 local.get 0 i32.atomic.load 0",
  );
  assertEquals(runMutant(found.get("i32.atomic.store moved behind i32.atomic.load"), 0), [
    10,
    1,
    20,
    30,
  ]);
  // What lies between them keeps its place.
  const three = mutantsOf(
    `local.get 0 i32.const 1 i32.atomic.store 0
     i32.const 4 local.set 0
     local.get 0 i32.const 2 i32.atomic.store 4  local.get 0`,
  );
  const moved = three.get("i32.atomic.store moved behind i32.atomic.store");
  assertEquals(runMutant(moved, 0), [4, 10, 1, 2]);
});

Deno.test("an atomic made plain does the same, in several steps", () => {
  for (
    const [operation, made, kept] of [
      ["rmw.add", 13, 10],
      ["rmw.sub", 7, 10],
      ["rmw.and", 2, 10],
      ["rmw.or", 11, 10],
      ["rmw.xor", 9, 10],
      ["rmw.xchg", 3, 10],
    ] as const
  ) {
    const name = `i32.atomic.${operation}`;
    const found = mutantsOf(`local.get 0 i32.const 3 ${name} 0`);
    const mutant = found.get(`${name} made plain`)!;
    assertEquals(runMutant(mutant, 0), [kept, made, 20, 30], name);
    const accesses = moduleOf(mutant).functions[0]!.body.filter(({ opcode }) => opcode.access);
    assertEquals(accesses.map(({ opcode }) => opcode.name), ["i32.load", "i32.store"]);
  }
  const found = mutantsOf("local.get 0 local.get 1 i32.const 9 i32.atomic.rmw.cmpxchg 0", "ii");
  const mutant = found.get("i32.atomic.rmw.cmpxchg made plain");
  assertEquals(runMutant(mutant, 0, 10), [10, 9, 20, 30]);
  assertEquals(runMutant(mutant, 0, 11), [10, 10, 20, 30]);
});

Deno.test("every mutant of the kernel of rcu is valid, differs from it and has a name of its own", () => {
  const module = decodeKernel(KERNEL_BASE64);
  const names = new Set<string>();
  for (const { name, bytes, at, code } of mutants(module)) {
    assert(WebAssembly.validate(new Uint8Array(bytes)), name);
    assert(
      bytes.length !== module.bytes.length || bytes.some((byte, i) => byte !== module.bytes[i]),
      name,
    );
    assert(at.every((offset) => code.body.some(({ start }) => start === offset)), name);
    names.add(name);
  }
  assertEquals(names.size, [...mutants(module)].length);
});
