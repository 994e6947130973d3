import { assertEquals } from "@std/assert";
import { EXIT, RESOLUTION } from "./hart.ts";
import { Board, FENCE_I, i, r, RAM, s } from "./test_board.ts";

const DATA = BigInt(RAM + 0x20000);
const DEVICE = 0x10000000n;

/** An AMO instruction of width W (2) or D (3). */
const amo = (kind: number, width: number, rd: number, address: number, value: number) =>
  r(0x2f, width, kind << 2, rd, address, value);

Deno.test("loads extend, stores truncate, at every alignment and across pages", () => {
  const it = new Board();
  it.hart.setX(7, 0x8182838485868788n);
  for (const offset of [0, 1, 3, 4, 7, 0xff9, 0xffd, 0xfff]) {
    it.hart.setX(5, DATA + BigInt(offset));
    for (const [width, bits] of [[0, 8], [1, 16], [2, 32], [3, 64]] as const) {
      it.runProgram([s(0x23, width, 5, 7, 0), i(3, width, 1, 5, 0), i(3, width | 4, 2, 5, 0)]);
      const value = BigInt.asUintN(bits, 0x8182838485868788n);
      assertEquals(it.hart.x(1), BigInt.asUintN(64, BigInt.asIntN(bits, value)), `${offset}`);
      if (width < 3) assertEquals(it.hart.x(2), value);
    }
  }
});

Deno.test("a store across pages whose second page refuses leaves the first alone", () => {
  const it = new Board();
  it.access.set(RAM / 4096 + 0x21, RESOLUTION.READABLE);
  it.hart.setX(5, DATA + 0xffcn);
  it.hart.setX(7, ~0n);
  it.runProgram([s(0x23, 3, 5, 7, 0)]);
  assertEquals(it.hart.get("mcause"), 7n);
  assertEquals(it.view.getUint32(0x20ffc, true), 0);
});

Deno.test("a load of a device leaves the loop and is completed with its value", () => {
  const it = new Board();
  it.hart.setX(5, DEVICE);
  it.program([i(3, 0, 6, 5, 3), i(3, 5, 7, 5, 6), i(0x13, 0, 8, 6, 1)]);
  assertEquals(it.hart.run(3), EXIT.MMIO_LOAD);
  assertEquals(it.hart.mmio, { address: DEVICE + 3n, size: 1, value: 0n });
  it.hart.answer(0xfen);
  assertEquals(it.hart.run(2), EXIT.MMIO_LOAD);
  assertEquals(it.hart.mmio, { address: DEVICE + 6n, size: 2, value: 0n });
  it.hart.answer(0xfffen);
  assertEquals(it.hart.run(1), EXIT.BUDGET);
  assertEquals([it.hart.x(6), it.hart.x(7), it.hart.x(8)], [
    2n ** 64n - 2n,
    0xfffen,
    2n ** 64n - 1n,
  ]);
  assertEquals(it.hart.get("minstret"), 3n);
});

Deno.test("a store to a device leaves with its value; a refused one is an access fault", () => {
  const it = new Board();
  it.hart.set("mtvec", BigInt(RAM + 0x800));
  it.hart.setX(5, DEVICE);
  it.hart.setX(7, 0x1ffn);
  it.program([s(0x23, 0, 5, 7, 1), s(0x23, 0, 5, 7, 2)]);
  assertEquals(it.hart.run(10), EXIT.MMIO_STORE);
  assertEquals(it.hart.mmio, { address: DEVICE + 1n, size: 1, value: 0xffn });
  assertEquals(it.hart.run(10), EXIT.MMIO_STORE);
  it.hart.refuse();
  it.hart.run(0);
  assertEquals(it.hart.get("mcause"), 7n);
  assertEquals(it.hart.get("mtval"), DEVICE + 2n);
  assertEquals(it.hart.get("mepc"), BigInt(RAM + 4));
  assertEquals(it.hart.get("minstret"), 1n);
});

Deno.test("a map change shows after a flush, and ROM sends stores to its device", () => {
  const it = new Board();
  it.hart.setX(5, DATA);
  it.runProgram([s(0x23, 3, 5, 7, 0)]);
  it.access.set(RAM / 4096 + 0x20, RESOLUTION.READABLE);
  it.hart.flush();
  assertEquals(it.runProgram([s(0x23, 3, 5, 7, 0)]), EXIT.MMIO_STORE);
});

Deno.test("AMOs give the old value and store the new one", () => {
  const it = new Board();
  const cases: [number, (a: bigint, b: bigint) => bigint][] = [
    [0, (a, b) => a + b],
    [1, (_, b) => b],
    [4, (a, b) => a ^ b],
    [8, (a, b) => a | b],
    [12, (a, b) => a & b],
    [16, (a, b) => a < b ? a : b],
    [20, (a, b) => a > b ? a : b],
    [24, (a, b) => BigInt.asUintN(64, a) < BigInt.asUintN(64, b) ? a : b],
    [28, (a, b) => BigInt.asUintN(64, a) > BigInt.asUintN(64, b) ? a : b],
  ];
  for (const [kind, compute] of cases) {
    for (const [a, b] of [[5n, -3n], [-5n, 3n], [7n, 7n], [-8n, -2n]] as const) {
      for (const [width, bits] of [[2, 32], [3, 64]] as const) {
        it.view.setBigUint64(0x20000, BigInt.asUintN(64, a), true);
        it.hart.setX(5, DATA);
        it.hart.setX(7, BigInt.asUintN(64, b));
        it.runProgram([amo(kind, width, 6, 5, 7)]);
        assertEquals(BigInt.asIntN(64, it.hart.x(6)), a);
        const stored = it.view.getBigInt64(0x20000, true);
        assertEquals(BigInt.asIntN(bits, stored), BigInt.asIntN(bits, compute(a, b)), `${kind}`);
      }
    }
  }
});

Deno.test("misaligned atomics trap, and those to a device are access faults", () => {
  const it = new Board();
  for (
    const [address, kind, cause] of [
      [DATA + 2n, 0, 6n],
      [DATA + 2n, 2, 4n],
      [DATA + 2n, 3, 6n],
      [DEVICE, 0, 7n],
      [DEVICE, 2, 5n],
    ] as const
  ) {
    it.hart.setX(5, address);
    it.runProgram([amo(kind, 2, 6, 5, 0)]);
    assertEquals([it.hart.get("mcause"), it.hart.get("mtval")], [cause, address]);
  }
});

Deno.test("SC succeeds once after LR, and fails if the word changed", () => {
  const it = new Board();
  it.hart.setX(5, DATA);
  it.hart.setX(7, 9n);
  const LR = amo(2, 3, 6, 5, 0), SC = amo(3, 3, 8, 5, 7);
  it.runProgram([LR, SC, amo(3, 3, 9, 5, 7)]);
  assertEquals([it.hart.x(8), it.hart.x(9), it.view.getBigUint64(0x20000, true)], [0n, 1n, 9n]);
  it.runProgram([LR]);
  it.view.setBigUint64(0x20000, 10n, true);
  it.program([SC], 4);
  it.hart.run(1);
  assertEquals([it.hart.x(8), it.view.getBigUint64(0x20000, true)], [1n, 10n]);
});

Deno.test("SC of another size than LR fails, stores nothing, and ends the reservation", () => {
  for (const [loads, stores] of [[2, 3], [3, 2]] as const) {
    const it = new Board();
    it.hart.setX(5, DATA);
    it.hart.setX(7, 9n);
    it.view.setBigUint64(0x20000, 5n, true);
    it.runProgram([amo(2, loads, 6, 5, 0), amo(3, stores, 8, 5, 7), amo(3, loads, 9, 5, 7)]);
    assertEquals([it.hart.x(6), it.hart.x(8), it.hart.x(9)], [5n, 1n, 1n]);
    assertEquals(it.view.getBigUint64(0x20000, true), 5n);
  }
});

Deno.test("code that changes shows after fence.i, also across pages", () => {
  const it = new Board();
  const addi = (value: number) => i(0x13, 0, 1, 0, value);
  it.program([FENCE_I], 0x40);
  it.runProgram([addi(1)]);
  it.program([addi(2)]);
  it.hart.set("pc", BigInt(RAM));
  it.hart.run(1);
  assertEquals(it.hart.x(1), 1n);
  it.hart.set("pc", BigInt(RAM + 0x40));
  it.hart.run(1);
  it.hart.set("pc", BigInt(RAM));
  it.hart.run(1);
  assertEquals(it.hart.x(1), 2n);
  const word = addi(3);
  it.view.setUint16(0x1ffe, word & 0xffff, true);
  it.view.setUint16(0x2000, word >>> 16, true);
  it.hart.set("pc", BigInt(RAM + 0x1ffe));
  it.hart.run(1);
  assertEquals([it.hart.x(1), it.hart.get("pc")], [3n, BigInt(RAM + 0x2002)]);
});

Deno.test("a logged page is marked by its first store, and by nothing else until the hart forgets it", () => {
  const it = new Board();
  const page = RAM / 4096 + 0x20;
  it.access.set(page, RESOLUTION.READABLE | RESOLUTION.LOGGED);
  it.hart.setX(5, DATA);
  it.hart.setX(7, 9n);
  const marked = () => it.marked.splice(0);
  it.runProgram([i(3, 3, 1, 5, 0)]);
  assertEquals(marked(), []);
  for (let round = 0; round < 2; round++) {
    const store = [amo(0, 3, 1, 5, 7), s(0x23, 3, 5, 7, 8)][round]!;
    it.runProgram([store, s(0x23, 3, 5, 7, 16), i(3, 3, 2, 5, 16), amo(0, 3, 1, 5, 7)]);
    assertEquals([marked(), it.hart.x(2), it.hart.get("mcause")], [[page], 9n, 0n]);
  }
  it.hart.setX(5, DATA - 4n);
  it.runProgram([s(0x23, 3, 5, 7, 0), i(3, 3, 2, 5, 0)]); // across into it
  assertEquals([marked(), it.hart.x(2)], [[page], 9n]);
});
