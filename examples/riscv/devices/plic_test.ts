import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { assertEquals } from "@std/assert";
import { LINE } from "../signals/interrupt_lines.ts";
import { PLIC, Plic, PLIC_SOURCES } from "./plic.ts";
import type { Setup } from "./plic_test_worker.ts";
import { type BoardHandles, createBoard } from "./test_lines.ts";

const ENABLE = 0x2000;
const THRESHOLD = 0x200000;
const CLAIM = 0x200004;

/** A PLIC, with the accesses that its guest makes. */
class Guest {
  readonly plic: Plic;
  readonly handles: BoardHandles;
  readonly lines;

  constructor(harts = 2) {
    const { memory, plic, lines, handles } = createBoard(harts);
    this.plic = new Plic(memory, plic, lines);
    this.handles = handles;
    this.lines = lines;
  }

  read(offset: number): number {
    return Number(this.plic.ops.read!(offset, 4, {}));
  }

  write(offset: number, value: number): void {
    this.plic.ops.write!(offset, value, 4, {}, 0);
  }

  /** Gives a source a priority, and lets a context take it. */
  configure(context: number, source: number, priority: number): void {
    this.write(4 * source, priority);
    const word = ENABLE + 0x80 * context + 4 * (source >>> 5);
    this.write(word, this.read(word) | 1 << (source & 31));
  }

  claim(context: number): number {
    return this.read(CLAIM + 0x1000 * context);
  }

  complete(context: number, source: number): void {
    this.write(CLAIM + 0x1000 * context, source);
  }

  /** The external lines of a hart: of M, of S. */
  external(hart: number): [boolean, boolean] {
    const lines = this.lines.get(hart);
    return [(lines & LINE.MACHINE_EXTERNAL) !== 0, (lines & LINE.SUPERVISOR_EXTERNAL) !== 0];
  }
}

Deno.test("a source reaches the context that takes it: claimed once, again when it is still up", () => {
  const it = new Guest();
  it.configure(3, 10, 1); // S of hart 1
  it.plic.setLevel(10, true);
  assertEquals([it.external(0), it.external(1)], [[false, false], [false, true]]);
  assertEquals(it.read(0x1000), 1 << 10);
  assertEquals([it.claim(1), it.claim(3), it.claim(3)], [0, 10, 0]);
  it.plic.refreshLines(1);
  assertEquals(it.external(1), [false, false]);
  it.complete(3, 10);
  assertEquals([it.external(1), it.claim(3)], [[false, true], 10]);
  it.plic.setLevel(10, false);
  it.complete(3, 10);
  it.plic.refreshLines(1);
  assertEquals([it.external(1), it.claim(3)], [[false, false], 0]);
});

Deno.test("a request that was forwarded stays, even if the device takes its line back", () => {
  const it = new Guest();
  it.configure(0, 1, 1);
  it.plic.setLevel(1, true);
  it.plic.setLevel(1, false);
  assertEquals([it.claim(0), it.claim(0)], [1, 0]);
});

Deno.test("the highest priority above the threshold comes first, then the lowest number", () => {
  const it = new Guest();
  for (const [source, priority] of [[40, 2], [5, 2], [96, 7], [3, 1]] as const) {
    it.configure(0, source, priority);
    it.plic.setLevel(source, true);
  }
  it.write(THRESHOLD, 1);
  assertEquals([it.claim(0), it.claim(0), it.claim(0), it.claim(0)], [96, 5, 40, 0]);
  it.write(THRESHOLD, 0);
  assertEquals([it.external(0), it.claim(0)], [[true, false], 3]);
});

Deno.test("what becomes deliverable later raises the line: enabling, a priority, a threshold", () => {
  for (const last of ["enable", "priority", "threshold"]) {
    const it = new Guest();
    it.configure(0, 33, 3);
    if (last === "enable") it.write(ENABLE + 4, 0);
    if (last === "priority") it.write(4 * 33, 0);
    if (last === "threshold") it.write(THRESHOLD, 3);
    it.plic.setLevel(33, true);
    assertEquals(it.external(0), [false, false], last);
    if (last === "enable") it.write(ENABLE + 4, 2);
    if (last === "priority") it.write(4 * 33, 1);
    if (last === "threshold") it.write(THRESHOLD, 2);
    assertEquals(it.external(0), [true, false], last);
  }
});

Deno.test("what does not exist reads as zero and takes no write", () => {
  const it = new Guest(1);
  const offsets = [0, 4 * (PLIC_SOURCES + 1), 0xffc, 0x1010, ENABLE + 0x80 * 2, THRESHOLD + 0x2000];
  for (const offset of [...offsets, CLAIM + 0x2000, THRESHOLD + 8]) {
    it.write(offset, 0xffffffff);
    assertEquals(it.read(offset), 0, offset.toString(16));
  }
  it.complete(0, 0);
  it.complete(0, 97);
  it.write(4, 0xff);
  assertEquals(it.read(4), 7); // three bits of priority
  it.write(ENABLE, 0xffffffff);
  assertEquals(it.read(ENABLE) >>> 0, 0xfffffffe); // source 0 does not exist
});

Deno.test("a source that becomes pending while a hart lowers its line is not lost", () => {
  const it = new Guest();
  it.configure(0, 7, 1);
  it.lines.raise(0, LINE.MACHINE_EXTERNAL); // a line without a source: another hart claimed it
  // The device comes in exactly when the hart lowers, whatever the hart has seen before that.
  let isRaised = false;
  const { lines } = it;
  const lower = lines.lower.bind(lines);
  lines.lower = (hart, mask) => {
    if (!isRaised) it.plic.setLevel(7, true);
    isRaised = true;
    lower(hart, mask);
  };
  it.plic.refreshLines(0);
  assertEquals([isRaised, it.external(0)], [true, [true, false]]);
});

Deno.test("a source that another hart claims in the middle of a claim goes to one of them", () => {
  const it = new Guest();
  it.configure(0, 9, 1);
  it.configure(2, 9, 1);
  it.plic.setLevel(9, true);
  // The other hart comes in when this one has loaded the gateway to claim it, its second load.
  const gateway = PLIC.gateway.index(it.handles.plic, 9);
  const { load } = Atomics;
  let loads = 0;
  let other = 0;
  Atomics.load = ((array: Int32Array, index: number) => {
    const value = load(array, index);
    if (index === gateway && ++loads === 2) other = it.claim(2);
    return value;
  }) as typeof load;
  try {
    assertEquals([it.claim(0), other], [0, 9]);
  } finally {
    Atomics.load = load;
  }
});

/** Starts two harts that take the same sources. */
function startHarts(workers: TestWorkers, it: Guest, sources: number, rounds: number) {
  for (let source = 1; source <= sources; source++) {
    it.configure(0, source, 1);
    it.configure(2, source, 1);
  }
  const counts = new SharedArrayBuffer(4 * (sources + 1));
  const serving = new SharedArrayBuffer(4 * (sources + 1));
  const url = import.meta.resolve("./plic_test_worker.ts");
  const harts = [0, 1].map((hart) =>
    workers.spawn<Setup>(url, { ...it.handles, hart, sources, rounds, counts, serving })
  );
  return { counts: new Int32Array(counts), harts };
}

Deno.test("of two harts that claim at once, one gets each source", () =>
  withWorkers(async (workers) => {
    const rounds = 100;
    const { counts, harts } = startHarts(workers, new Guest(), PLIC_SOURCES, rounds);
    await Promise.all(harts.map((hart) => hart.call("claimTogether")));
    assertEquals([...counts], [0, ...Array(PLIC_SOURCES).fill(rounds)]);
  }));

Deno.test("harts that serve the same sources sleep and wake, and no wake is lost", () =>
  withWorkers(async (workers) => {
    const [sources, rounds] = [8, 500];
    const it = new Guest();
    const { counts, harts } = startHarts(workers, it, sources, rounds);
    counts.fill(1, 1); // each source's first time
    for (let source = 1; source <= sources; source++) it.plic.setLevel(source, true);
    await Promise.all(harts.map((hart) => hart.call("run")));
    assertEquals([...counts], [sources * rounds, ...Array(sources).fill(rounds + 1)]);
    assertEquals([it.claim(0), it.claim(2), it.read(0x1000)], [0, 0, 0]);
  }));
