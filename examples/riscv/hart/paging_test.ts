import { assertEquals } from "@std/assert";
import { RESOLUTION } from "./hart.ts";
import {
  A,
  ALL,
  board,
  D,
  HANDLER,
  LD,
  mapPage,
  MSTATUS,
  NOP,
  PAGE,
  R,
  runAs,
  SATP,
  SD,
  SV39,
  trapOf,
  U,
  V,
  W,
  writeCsr,
  X,
} from "./privileged_board.ts";
import { Board, csr, FENCE_I, i, jal, r, RAM, s, SFENCE_VMA } from "./test_board.ts";

for (const [name, mode] of [["Sv39", SV39], ["Sv48", 9n << 60n]] as const) {
  Deno.test(`${name}: loads set A, stores set D, and both go to the page`, () => {
    const it = board();
    const leaf = mapPage(it, PAGE | V | R | W, mode);
    it.hart.setX(5, 0x40000000n);
    it.hart.setX(7, 0x1122334455667788n);
    runAs(it, 1, [LD]);
    assertEquals(it.view.getBigUint64(leaf, true), PAGE | V | R | W | A);
    runAs(it, 1, [SD, LD]);
    assertEquals(it.view.getBigUint64(leaf, true), PAGE | V | R | W | A | D);
    assertEquals(it.view.getBigUint64(0x20008, true), 0x1122334455667788n);
    assertEquals(it.hart.x(6), 0x1122334455667788n);
  });
}

Deno.test("page faults name the access and the address", () => {
  const it = board();
  const refused: [bigint, number, bigint][] = [
    [0n, LD, 13n],
    [PAGE | V | X, LD, 13n],
    [PAGE | V | R, SD, 15n],
    [PAGE | V | R | W | U, LD, 13n],
    [PAGE | V | W, LD, 13n],
    [PAGE | V | R | 1n << 61n, LD, 13n],
  ];
  for (const [leaf, word, cause] of refused) {
    mapPage(it, leaf);
    it.hart.setX(5, 0x40000000n);
    runAs(it, 1, [word]);
    assertEquals(trapOf(it), [cause, 0x40000008n, 0n], leaf.toString(16));
    writeCsr(it, SATP, 0n);
  }
  mapPage(it, PAGE | V | R);
  it.hart.setX(5, 0x40000000n);
  runAs(it, 1, [i(0x67, 0, 0, 5, 0), 0x13]);
  assertEquals([it.hart.get("mcause"), it.hart.get("mepc")], [12n, 0x40000000n]);
  writeCsr(it, SATP, 0n);
  mapPage(it, PAGE | V | R);
  it.hart.setX(5, 1n << 40n);
  runAs(it, 1, [LD]);
  assertEquals(trapOf(it), [13n, (1n << 40n) + 8n, 0n], "not canonical");
});

Deno.test("a translation is forgotten by any number of sfence.vma, also where epochs start again", () => {
  for (const fences of [1, 509, 510, 511, 1020]) {
    const it = board();
    const leaf = mapPage(it, PAGE | V | R | A);
    it.hart.setX(5, 0x40000000n);
    it.hart.set("mcause", 0n);
    runAs(it, 1, [LD, SFENCE_VMA, jal(0, -4)]);
    it.hart.set("pc", BigInt(RAM));
    it.hart.run(1);
    it.view.setBigUint64(leaf, 0n, true);
    it.hart.set("pc", BigInt(RAM));
    it.hart.run(1);
    assertEquals(it.hart.get("mcause"), 0n, "the old translation is still there");
    it.hart.run(2 * fences);
    it.hart.set("pc", BigInt(RAM));
    it.hart.run(1);
    assertEquals(trapOf(it), [13n, 0x40000008n, 0n], `${fences} fences`);
  }
});

Deno.test("SUM lends U pages to S, MXR makes code readable, U needs U pages", () => {
  const it = board();
  mapPage(it, PAGE | V | R | U | A);
  it.hart.setX(5, 0x40000000n);
  it.hart.set("mcause", 0n);
  it.hart.set("mstatus", 1n << 18n);
  runAs(it, 1, [LD]);
  assertEquals(it.hart.get("mcause"), 0n);
  it.hart.set("mstatus", 0n);
  runAs(it, 1, [LD]);
  assertEquals(it.hart.get("mcause"), 13n);
  mapPage(it, PAGE | V | X | A);
  it.hart.set("mcause", 0n);
  it.hart.setX(5, 0x40000000n);
  it.hart.set("mstatus", 1n << 19n);
  runAs(it, 1, [LD]);
  assertEquals(it.hart.get("mcause"), 0n);
});

Deno.test("mstatus.MPRV loads with the privilege of MPP", () => {
  const it = board();
  mapPage(it, PAGE | V | R | A);
  it.hart.setX(5, 1n << 17n | 1n << 11n);
  it.hart.setX(8, 0x40000000n);
  it.view.setBigUint64(0x20008, 42n, true);
  it.runProgram([csr(2, 0, MSTATUS, 5), i(0x03, 3, 6, 8, 8), r(0x33, 0, 0, 7, 6, 0)]);
  assertEquals(it.hart.x(7), 42n);
});

Deno.test("MPRV follows MPP, also for a page that is in the TLB already", () => {
  const it = board();
  mapPage(it, PAGE | V | R | A);
  it.hart.setX(5, 0x40000000n);
  it.hart.setX(8, 1n << 17n | 1n << 11n);
  it.hart.setX(9, 1n << 11n);
  it.hart.set("mcause", 0n);
  it.runProgram([csr(2, 0, MSTATUS, 8), LD, csr(3, 0, MSTATUS, 9)]);
  assertEquals(it.hart.get("mcause"), 0n, "as S");
  it.runProgram([LD]);
  assertEquals(trapOf(it), [13n, 0x40000008n, 0n], "as U");
});

Deno.test("a page table where no memory is: access faults", () => {
  for (const [word, cause] of [[LD, 5n], [SD, 7n]] as const) {
    const it = board();
    mapPage(it, PAGE | V | R | W);
    it.view.setBigUint64(0x10008, 1n << 36n >> 2n | V, true);
    it.hart.setX(5, 0x40000000n);
    runAs(it, 1, [word]);
    assertEquals(trapOf(it), [cause, 0x40000008n, 0n]);
  }
});

Deno.test("code that was stored to by another address of its page shows after fence.i", () => {
  const it = board();
  // The page of the code, a second time.
  mapPage(it, BigInt(RAM) >> 2n | V | R | W | A);
  const addi = (value: number) => i(0x13, 0, 1, 0, value);
  it.program([addi(1)], 0x18);
  it.hart.setX(5, 0x40000000n);
  it.hart.setX(7, BigInt(addi(2)));
  const SW = s(0x23, 2, 5, 7, 0x18);
  runAs(it, 1, [NOP, NOP, NOP, SW, FENCE_I, NOP, addi(1)]);
  assertEquals(it.hart.x(1), 2n);
});

/**
 * A hart stands in a walk, between its load of a leaf and its compare-and-exchange: the table's page is
 * logged, and `mark` is called there.
 */
function duringWalk(leaf: bigint, word: number, meanwhile: (it: Board, at: number) => void) {
  const it = board();
  const at = mapPage(it, leaf);
  it.hart.setX(5, 0x40000000n);
  it.hart.set("mcause", 0n);
  it.access.set(Math.floor((RAM + at) / 4096), RESOLUTION.READABLE | RESOLUTION.LOGGED);
  it.onMark = () => meanwhile(it, at);
  runAs(it, 1, [word]);
  assertEquals(it.marked, [Math.floor((RAM + at) / 4096)]);
  return { cause: it.hart.get("mcause"), leaf: it.view.getBigUint64(at, true) };
}

/** Lets another hart store to the page that is mapped at 0x40000000. */
function storeByOther({ memory, hart }: Board): void {
  const other = new Board(memory, 1);
  other.hart.set("mtvec", HANDLER);
  other.hart.set("satp", hart.get("satp"));
  other.hart.setX(5, 0x40000000n);
  other.hart.setX(8, 1n << 17n | 1n << 11n);
  other.hart.setX(9, ALL);
  other.hart.setX(10, 0x1fn);
  other.program([csr(1, 0, 0x3b0, 9), csr(1, 0, 0x3a0, 10), csr(2, 0, MSTATUS, 8), SD], 0x1000);
  other.hart.set("pc", BigInt(RAM + 0x1000));
  other.hart.run(4);
  assertEquals(other.hart.get("mcause"), 0n);
}

Deno.test("forced: a load that sets A keeps the D that another hart sets just before", () => {
  assertEquals(duringWalk(PAGE | V | R | W, LD, storeByOther), {
    cause: 0n,
    leaf: PAGE | V | R | W | A | D,
  });
});

Deno.test("forced: a mapping that goes just before A is set faults, and stays gone", () => {
  const unmap = (it: Board, at: number) => it.view.setBigUint64(at, 0n, true);
  assertEquals(duringWalk(PAGE | V | R | W, LD, unmap), { cause: 13n, leaf: 0n });
});

Deno.test("forced: a page that becomes read-only just before D is set is not made dirty", () => {
  const protect = (it: Board, at: number) => it.view.setBigUint64(at, PAGE | V | R, true);
  assertEquals(duringWalk(PAGE | V | R | W | A, SD, protect), { cause: 15n, leaf: PAGE | V | R });
});
