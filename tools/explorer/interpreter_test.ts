/** The interpreter against the real engine, single-threaded, on random arguments and memories. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { KERNEL_BASE64 as IOMMU } from "../../iommu/kernel/bytes.ts";
import { KERNEL_BASE64 as PHYSMAP } from "../../physmap/kernel/bytes.ts";
import { KERNEL_BASE64 as RAMBLOCK } from "../../ramblock/kernel/bytes.ts";
import { KERNEL_BASE64 as RCU } from "../../rcu/kernel/bytes.ts";
import type { Value } from "./arithmetic.ts";
import { type Code, decode, decodeKernel, type Module } from "./decode.ts";
import { assemble, type Source } from "./encode.ts";
import { runAlone } from "./run_alone.ts";

const SEED = 20_26;
const MEMORY_BYTES = 65536;
/** Random contents and arguments stay below: most pointers lead somewhere. */
const USED_BYTES = 1024;

/** Calls that block, or run over more memory than there is, cannot be compared. */
const SKIPPED = new Set(["wait32", "scrub"]);

function engineOf(module: Module): { memory: WebAssembly.Memory; exports: WebAssembly.Exports } {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const compiled = new WebAssembly.Module(new Uint8Array(module.bytes));
  return { memory, exports: new WebAssembly.Instance(compiled, { env: { memory } }).exports };
}

const small = fc.oneof(
  fc.nat(USED_BYTES / 8).map((n) => n * 8),
  fc.nat(USED_BYTES / 4).map((n) => n * 4),
  fc.nat(8),
);
const VALUES: Record<string, fc.Arbitrary<Value>> = {
  i: fc.oneof(small, fc.integer()),
  l: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  d: fc.oneof(small, fc.double({ noNaN: true }), fc.maxSafeNat()),
};

/** The first word in which two memories differ, -1 if there is none. */
function firstDifference(one: Uint32Array, other: Uint32Array): number {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return at;
  return -1;
}

/** The result of a call, or "trap". */
function viaEngine(exports: WebAssembly.Exports, name: string, args: readonly Value[]) {
  try {
    return (exports[name] as (...args: Value[]) => Value | undefined)(...args);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return "trap";
    throw error;
  }
}

function compare(module: Module, code: Code, runs: number): void {
  const { memory, exports } = engineOf(module);
  const theirs = new Uint32Array(memory.buffer);
  const args = fc.tuple(...[...code.signature.params].map((type) => VALUES[type]!));
  const words = fc.array(small, { maxLength: USED_BYTES / 16 });
  const globals: Value[] = module.globals.map(({ value }) => value as Value);
  fc.assert(
    fc.property(args, words, (args, words) => {
      const ours = new Uint32Array(MEMORY_BYTES / 4);
      ours.set(words);
      theirs.set(ours);
      const got = runAlone(module, code, args, new Uint8Array(ours.buffer), globals);
      if (got === "runs for ever") return;
      assertEquals(got, viaEngine(exports, code.name, args), code.name);
      if (got !== "trap") assertEquals(firstDifference(ours, theirs), -1, code.name);
    }),
    { numRuns: runs, seed: SEED },
  );
}

for (const [name, base64] of Object.entries({ rcu: RCU, PHYSMAP, RAMBLOCK, IOMMU })) {
  Deno.test(`the kernel of ${name.toLowerCase()} computes what the engine computes`, () => {
    const module = decodeKernel(base64);
    for (const code of module.exports.values()) {
      if (!SKIPPED.has(code.name)) compare(module, code, 60);
    }
  });
}

/** One function for each numeric instruction, each narrow access and each read-modify-write. */
function instructions(): Record<string, Source> {
  const sources: Record<string, Source> = {};
  const binary = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u eq ne lt_s lt_u " +
    "gt_s gt_u le_s le_u ge_s ge_u";
  for (const [prefix, type] of [["i32", "i"], ["i64", "l"]] as const) {
    for (const name of binary.split(" ")) {
      const results = /^(eq|ne|[lg][te]_)/.test(name) ? "i" : type;
      const body = `local.get 0 local.get 1 ${prefix}.${name}`;
      sources[`${prefix}.${name}`] = { params: type + type, results, body };
    }
    for (const name of ["clz", "ctz", "popcnt", "eqz"]) {
      const results = name === "eqz" ? "i" : type;
      sources[`${prefix}.${name}`] = {
        params: type,
        results,
        body: `local.get 0 ${prefix}.${name}`,
      };
    }
    for (const bits of type === "i" ? ["8", "16"] : ["8", "16", "32"]) {
      for (const sign of ["s", "u"]) {
        const load = `${prefix}.load${bits}_${sign}`;
        sources[load] = { params: "i", results: type, body: `local.get 0 ${load} 3` };
      }
      const store = `${prefix}.store${bits}`;
      sources[store] = { params: `i${type}`, body: `local.get 0 local.get 1 ${store} 5` };
    }
    for (const bits of type === "i" ? ["", "8", "16"] : ["", "8", "16", "32"]) {
      const unsigned = bits ? "_u" : "";
      for (const verb of ["add", "sub", "and", "or", "xor", "xchg"]) {
        const name = `${prefix}.atomic.rmw${bits}.${verb}${unsigned}`;
        sources[name] = {
          params: `i${type}`,
          results: type,
          body: `local.get 0 local.get 1 ${name} 8`,
        };
      }
      const name = `${prefix}.atomic.rmw${bits}.cmpxchg${unsigned}`;
      const body = `local.get 0 local.get 1 local.get 2 ${name} 0`;
      sources[name] = { params: `i${type}${type}`, results: type, body };
    }
  }
  for (const name of ["eq", "ne", "lt", "gt", "le", "ge", "add", "sub", "mul", "div"]) {
    const results = name.length === 2 ? "i" : "d";
    const body = `local.get 0 local.get 1 f64.${name}`;
    sources[`f64.${name}`] = { params: "dd", results, body };
  }
  const conversions = "i32.wrap_i64:li i64.extend_i32_s:il i64.extend_i32_u:il f64.abs:dd " +
    "f64.convert_i32_s:id f64.convert_i32_u:id f64.convert_i64_s:ld f64.convert_i64_u:ld " +
    "i32.trunc_sat_f64_s:di i32.trunc_sat_f64_u:di i64.trunc_sat_f64_s:dl i64.trunc_sat_f64_u:dl " +
    "f64.neg:dd f64.ceil:dd f64.floor:dd f64.trunc:dd";
  for (const conversion of conversions.split(" ")) {
    const [name, types] = conversion.split(":") as [string, string];
    sources[name] = { params: types[0]!, results: types[1]!, body: `local.get 0 ${name}` };
  }
  return sources;
}

Deno.test("each numeric instruction and each width of an access computes what the engine computes", () => {
  const module = decode(assemble(instructions()));
  for (const code of module.exports.values()) compare(module, code, 40);
});
