import { assertEquals } from "@std/assert";
import { EXIT } from "./hart.ts";
import { Board, csr, ECALL, i, jal, MRET, r, RAM, s, SFENCE_VMA, SRET, WFI } from "./test_board.ts";

const MSTATUS = 0x300, MISA = 0x301, MEDELEG = 0x302, MTVEC = 0x305, SATP = 0x180, STIMECMP = 0x14d;
const HANDLER = BigInt(RAM + 0x800);
const NOP = 0x13;
const ALL = 2n ** 64n - 1n;
const SV39 = 8n << 60n;
/** Page-table bits. */
const V = 1n, R = 2n, W = 4n, X = 8n, U = 16n, A = 64n, D = 128n;

/** A board whose traps go to HANDLER in M mode, and that lets S and U reach all memory. */
function board(): Board {
  const result = new Board();
  result.hart.set("mtvec", HANDLER);
  result.program(new Array(16).fill(NOP), 0x800);
  writeCsr(result, 0x3b0, ALL);
  writeCsr(result, 0x3a0, 0x1fn);
  return result;
}

/** Writes a CSR by an instruction. */
function writeCsr(board: Board, number: number, value: bigint): void {
  board.hart.setX(5, value);
  board.runProgram([csr(1, 0, number, 5)]);
}

function readCsr(board: Board, number: number): bigint {
  board.runProgram([csr(2, 6, number, 0)]);
  return board.hart.x(6);
}

/** Runs a program at RAM in a privilege. */
function runAs(board: Board, privilege: number, words: readonly number[]): number {
  const { hart } = board;
  hart.set("mstatus", hart.get("mstatus") & ~0x1800n | BigInt(privilege) << 11n);
  hart.set("mepc", BigInt(RAM));
  hart.set("privilege", 3);
  board.program(words);
  board.program([MRET], 0x700);
  hart.flush();
  hart.set("pc", BigInt(RAM + 0x700));
  hart.run(1);
  return hart.run(words.length);
}

/** Cause, value and address of the trap taken last in M. */
function trapOf({ hart }: Board): [bigint, bigint, bigint] {
  return [hart.get("mcause"), hart.get("mtval"), hart.get("mepc") - BigInt(RAM)];
}

Deno.test("CSRs keep the bits that they have", () => {
  const it = board();
  assertEquals(readCsr(it, MISA), 2n << 62n | 0x14112dn);
  writeCsr(it, MSTATUS, ALL & ~0x1800n);
  assertEquals(readCsr(it, MSTATUS), 0x8000000a007e61aan);
  writeCsr(it, MSTATUS, 0n);
  writeCsr(it, MEDELEG, ALL);
  assertEquals(readCsr(it, MEDELEG), 0xb3ffn);
  writeCsr(it, MTVEC, HANDLER | 2n);
  assertEquals(readCsr(it, MTVEC), HANDLER, "mode 2 is reserved");
  writeCsr(it, SATP, 5n << 60n);
  assertEquals(readCsr(it, SATP), 0n, "mode 5 is reserved");
});

Deno.test("an unknown or forbidden CSR is an illegal instruction", () => {
  const it = board();
  for (
    const [privilege, word] of [
      [3, csr(2, 1, 0x7c0, 0)],
      [1, csr(2, 1, MSTATUS, 0)],
      [3, csr(1, 0, 0xf14, 1)],
      [0, csr(2, 1, 0xc00, 0)],
      [1, MRET],
      [0, WFI],
      [3, 0],
      [3, csr(2, 1, 3, 0)],
    ] as const
  ) {
    runAs(it, privilege, [word]);
    assertEquals(trapOf(it), [2n, BigInt(word), 0n], word.toString(16));
    assertEquals(it.hart.get("pc"), HANDLER);
    assertEquals(it.hart.get("privilege"), 3);
  }
});

Deno.test("there are no triggers: tselect and tdata1 stay zero", () => {
  const it = board();
  for (const number of [0x7a0, 0x7a1, 0x7a2]) {
    writeCsr(it, number, ALL);
    assertEquals(readCsr(it, number), 0n);
  }
});

Deno.test("a CSR that is written and not read exists after an access to one that does not", () => {
  const it = board();
  runAs(it, 3, [csr(2, 1, 0x7c0, 0)]);
  writeCsr(it, MTVEC, HANDLER + 0x100n);
  assertEquals(it.hart.get("mtvec"), HANDLER + 0x100n);
});

Deno.test("calls trap by privilege, and return to it", () => {
  const it = board();
  for (const privilege of [0, 1, 3]) {
    runAs(it, privilege, [ECALL]);
    assertEquals(trapOf(it), [8n + BigInt(privilege), 0n, 0n]);
    assertEquals(it.hart.get("mstatus") >> 11n & 3n, BigInt(privilege));
  }
});

Deno.test("a delegated exception goes to S, and sret back to U", () => {
  const it = board();
  writeCsr(it, MEDELEG, 1n << 8n);
  it.hart.set("stvec", BigInt(RAM + 0x900));
  runAs(it, 0, [ECALL]);
  assertEquals(it.hart.get("privilege"), 1);
  assertEquals(it.hart.get("pc"), BigInt(RAM + 0x900));
  assertEquals(it.hart.get("scause"), 8n);
  it.program([SRET], 0x900);
  it.hart.flush();
  it.hart.run(1);
  assertEquals([it.hart.get("privilege"), it.hart.get("pc")], [0, BigInt(RAM)]);
});

Deno.test("interrupts: by privilege and enable, the most urgent first, vectored", () => {
  const it = board();
  it.hart.set("mie", 0xaaan);
  it.hart.set("mtvec", HANDLER | 1n);
  it.hart.setLines(1 << 7 | 1 << 11, true);
  it.runProgram([0x13]);
  assertEquals(it.hart.get("pc"), BigInt(RAM + 4), "M mode with MIE off takes none");
  runAs(it, 1, [0x13]);
  assertEquals(it.hart.get("mcause"), 1n << 63n | 11n);
  assertEquals(it.hart.get("mepc"), BigInt(RAM));
  it.hart.setLines(1 << 11, false);
  it.hart.set("mstatus", 8n);
  it.hart.run(0);
  assertEquals(it.hart.get("pc"), HANDLER + 28n);
});

Deno.test("Sstc: the timer interrupt of S follows stimecmp", () => {
  const it = board();
  it.hart.set("menvcfg", 1n << 63n);
  writeCsr(it, STIMECMP, 100n);
  it.time = 99;
  assertEquals(readCsr(it, 0x344), 0n);
  it.time = 100;
  assertEquals(readCsr(it, 0x344), 1n << 5n);
});

Deno.test("wfi sleeps unless an enabled interrupt is pending", () => {
  const it = board();
  assertEquals(it.runProgram([WFI]), EXIT.WFI);
  assertEquals(it.hart.get("pc"), BigInt(RAM + 4));
  it.hart.set("mie", 8n);
  it.hart.setLines(8, true);
  assertEquals(it.runProgram([WFI]), EXIT.BUDGET);
});

Deno.test("instret counts what retired, and not what trapped", () => {
  const it = board();
  it.hart.set("minstret", 0n);
  it.runProgram([0x13, 0x13, csr(2, 1, 0xb02, 0), ECALL]);
  assertEquals(it.hart.x(1), 2n);
  assertEquals(it.hart.get("minstret"), 3n);
});

Deno.test("what was retired is counted, although the guest stops its counters", () => {
  const it = board();
  writeCsr(it, 0x320, 5n);
  const [retired, minstret] = [it.hart.get("retired"), it.hart.get("minstret")];
  it.runProgram([NOP, NOP, NOP]);
  assertEquals([it.hart.get("retired") - retired, it.hart.get("minstret") - minstret], [3n, 0n]);
});

/** Maps virtual page 0x40000000 with a table at RAM + 0x10000; returns the leaf's offset. */
function mapPage(it: Board, leaf: bigint, mode = SV39): number {
  const levels = mode === SV39 ? [1, 0, 0] : [0, 1, 0, 0];
  levels.forEach((index, depth) => {
    const isLeaf = depth === levels.length - 1;
    const next = BigInt(RAM + 0x11000 + depth * 0x1000) >> 2n;
    it.view.setBigUint64(0x10000 + depth * 0x1000 + index * 8, isLeaf ? leaf : next | V, true);
  });
  // Code runs from an identity mapping of 1 GiB, or of 512 GiB's first part.
  const identity = BigInt(RAM) >> 2n | V | R | X | A;
  it.view.setBigUint64(0x10000 + (mode === SV39 ? 0 : 0x1000) + 2 * 8, identity, true);
  writeCsr(it, SATP, mode | BigInt(RAM + 0x10000) >> 12n);
  return 0x10000 + (levels.length - 1) * 0x1000;
}

const PAGE = BigInt(RAM + 0x20000) >> 2n;
const LD = i(0x03, 3, 6, 5, 8), SD = s(0x23, 3, 5, 7, 8);

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

Deno.test("PMP: the first entry that matches decides; M obeys locked ones", () => {
  const it = board();
  const napot = (offset: number) => BigInt(RAM + offset) >> 2n | 0x1ffn;
  it.hart.setX(5, BigInt(RAM + 0x20000));
  writeCsr(it, 0x3b0, napot(0x20000));
  writeCsr(it, 0x3b1, ALL);
  writeCsr(it, 0x3a0, 0x1f19n);
  const run = (privilege: number, word: number) => {
    it.hart.set("mcause", 0n);
    it.hart.setX(5, BigInt(RAM + 0x20000));
    runAs(it, privilege, [word]);
    return it.hart.get("mcause");
  };
  assertEquals([run(1, LD), run(1, SD), run(3, SD)], [0n, 7n, 0n]);
  writeCsr(it, 0x3a0, 0x1f99n);
  assertEquals([run(3, LD), run(3, SD)], [0n, 7n]);
  writeCsr(it, 0x3a0, 0x1f1fn);
  assertEquals(run(3, SD), 7n, "a locked entry stays");
});

Deno.test("PMP: an entry of four bytes inside a page", () => {
  const it = board();
  writeCsr(it, 0x3b0, BigInt(RAM + 0x20010) >> 2n);
  writeCsr(it, 0x3b1, ALL);
  writeCsr(it, 0x3a0, 0x1f10n);
  for (const [offset, cause] of [[8, 0n], [16, 5n], [12, 5n], [20, 0n]] as const) {
    it.hart.set("mcause", 0n);
    it.hart.setX(5, BigInt(RAM + 0x20000));
    runAs(it, 1, [i(0x03, 3, 6, 5, offset)]);
    assertEquals(it.hart.get("mcause"), cause, String(offset));
  }
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
