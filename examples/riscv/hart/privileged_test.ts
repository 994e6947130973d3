import { assertEquals } from "@std/assert";
import { EXIT } from "./hart.ts";
import {
  ALL,
  board,
  HANDLER,
  MSTATUS,
  NOP,
  readCsr,
  runAs,
  SATP,
  trapOf,
  writeCsr,
} from "./privileged_board.ts";
import { csr, ECALL, MRET, RAM, SRET, WFI } from "./test_board.ts";

const MISA = 0x301, MEDELEG = 0x302, MTVEC = 0x305, STIMECMP = 0x14d;

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
