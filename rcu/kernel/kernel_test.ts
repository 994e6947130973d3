import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena } from "../mod.ts";
import { instantiateKernel } from "./kernel.ts";
import { DOMAIN, SLOT } from "./layouts.ts";

function create() {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  return { memory, kernel: instantiateKernel(memory), u32: new Uint32Array(memory.buffer) };
}

Deno.test("what the hot path of one reader writes shares no cache line with another's", () => {
  const { gpCtr, gpDone, limbo } = DOMAIN;
  const starts = [gpCtr.offset, gpDone.offset, limbo.offset, DOMAIN.size];
  assertEquals([...starts, SLOT.size, SLOT.owner.offset].map((at) => at % 64), Array(6).fill(0));
  const line = (at: number) => Math.floor(at / 64);
  // Readers load `gpCtr` at each section; updaters write to the other lines while they wait.
  assertEquals(new Set(starts.map(line)).size, 4);
});

Deno.test("words: load, store, exchange, compare-and-exchange, add", () => {
  const { kernel, u32 } = create();
  kernel.store32(64, 0xfffffffe);
  assertEquals(u32[16], 0xfffffffe);
  assertEquals(kernel.load32(64) >>> 0, 0xfffffffe);
  assertEquals(kernel.exchange32(64, 7) >>> 0, 0xfffffffe);
  assertEquals(kernel.compareExchange32(64, 8, 9), 7);
  assertEquals(u32[16], 7);
  assertEquals(kernel.compareExchange32(64, 7, 9), 7);
  assertEquals(kernel.add32(64, 3), 9);
  assertEquals(u32[16], 12);
});

Deno.test("a 64-bit counter is exact up to 2^53", () => {
  const { kernel, u32 } = create();
  u32[16] = 0xffffffff;
  u32[17] = 0x1fffff;
  assertEquals(kernel.load64(64), Number.MAX_SAFE_INTEGER);
});

Deno.test("wait32 distinguishes another value, a time-out and a notification", () => {
  const { kernel } = create();
  assertEquals(kernel.wait32(64, 1, 1000), 1);
  assertEquals(kernel.wait32(64, 0, 1), 2);
  assertEquals(kernel.notify(64, -1), 0);
});

Deno.test("a pair is one word, and each instance has its own second half", () => {
  const { kernel, u32 } = create();
  const { kernel: other } = create();
  kernel.pairStore(64, 0xfffffffe, 0x80000001);
  other.pairStore(72, 3, 4);
  assertEquals([u32[16], u32[17]], [0xfffffffe, 0x80000001]);
  assertEquals(kernel.pairLoad(64) >>> 0, 0xfffffffe);
  assertEquals(other.pairLoad(72), 3);
  assertEquals([kernel.pairSecond() >>> 0, other.pairSecond()], [0x80000001, 4]);
});

Deno.test("instantiating the kernel writes nothing to the memory", () => {
  const { memory, u32 } = create();
  u32.fill(0xa5a5a5a5);
  instantiateKernel(memory);
  assert(u32.every((word) => word === 0xa5a5a5a5));
});

Deno.test("accesses outside the memory trap", () => {
  const { kernel } = create();
  assertThrows(() => kernel.load32(65536), WebAssembly.RuntimeError);
  assertThrows(() => kernel.load32(66), WebAssembly.RuntimeError, "unaligned");
});

Deno.test("an arena above 2 GiB is addressed as one below", () => {
  const arena = Arena.create({ bytes: 3 * 2 ** 30 });
  const cell = 2 ** 31 + 64;
  const kernel = instantiateKernel(arena.memory);
  kernel.store32(cell, 5);
  assertEquals(arena.u32[cell / 4], 5);
  assertEquals(kernel.exchange32(cell, 6), 5);
});
