/** What M mode may take from S and U: translation, returns, sleep, counters, the timer. */

import { assertEquals } from "@std/assert";
import { board, MSTATUS, NOP, readCsr, runAs, SATP, writeCsr } from "./privileged_board.ts";
import { type Board, csr, RAM, SFENCE_VMA, SRET, WFI } from "./test_board.ts";

const MIP = 0x344, MENVCFG = 0x30a, MCOUNTEREN = 0x306, SCOUNTEREN = 0x106, STIMECMP = 0x14d;
const NO_TRAP = 99n, ILLEGAL = 2n;

/** The cause of the trap that an instruction takes in a privilege. */
function causeOf(it: Board, privilege: number, word: number): bigint {
  it.hart.set("mcause", NO_TRAP);
  it.hart.set("sepc", BigInt(RAM + 4));
  runAs(it, privilege, [word]);
  return it.hart.get("mcause");
}

Deno.test("TVM, TW and TSR make instructions of S mode illegal, and no others", () => {
  const TVM = 1n << 20n, TW = 1n << 21n, TSR = 1n << 22n;
  const instructions: [bigint, number][] = [
    [TVM, csr(2, 6, SATP, 0)],
    [TVM, csr(1, 0, SATP, 0)],
    [TVM, SFENCE_VMA],
    [TW, WFI],
    [TSR, SRET],
  ];
  for (const trapped of [TVM, TW, TSR, 0n]) {
    for (const [bit, word] of instructions) {
      const it = board();
      writeCsr(it, MSTATUS, trapped);
      const name = `${word.toString(16)} with ${trapped.toString(16)}`;
      assertEquals(causeOf(it, 1, word), bit === trapped ? ILLEGAL : NO_TRAP, name);
      writeCsr(it, MSTATUS, trapped);
      assertEquals(causeOf(it, 3, word), NO_TRAP, name);
      writeCsr(it, MSTATUS, 0n);
      assertEquals(causeOf(it, 0, word), ILLEGAL, name);
    }
  }
});

Deno.test("mcounteren shows counters to S, and with scounteren to U", () => {
  for (const counter of [0, 1, 2]) {
    for (const [machine, supervisor] of [[0, 0], [0, 1], [1, 0], [1, 1]] as const) {
      const it = board();
      const other = ~(1n << BigInt(counter)) & 7n;
      writeCsr(it, MCOUNTEREN, BigInt(machine << counter) | other);
      writeCsr(it, SCOUNTEREN, BigInt(supervisor << counter) | other);
      const read = csr(2, 1, 0xc00 + counter, 0);
      const causes = [3, 1, 0].map((privilege) => causeOf(it, privilege, read));
      const of = (shown: number) => shown ? NO_TRAP : ILLEGAL;
      assertEquals(causes, [NO_TRAP, of(machine), of(machine & supervisor)]);
    }
  }
});

Deno.test("Sstc: S reaches stimecmp if menvcfg and mcounteren say so", () => {
  for (const [enabled, shown] of [[0n, 0n], [0n, 2n], [1n, 0n], [1n, 2n]] as const) {
    const it = board();
    writeCsr(it, MENVCFG, enabled << 63n);
    writeCsr(it, MCOUNTEREN, shown);
    const read = csr(2, 1, STIMECMP, 0);
    const may = enabled && shown ? NO_TRAP : ILLEGAL;
    assertEquals([3, 1, 0].map((p) => causeOf(it, p, read)), [NO_TRAP, may, ILLEGAL]);
  }
});

Deno.test("Sstc: S takes the interrupt when its time has come, and ends it by a later time", () => {
  const it = board();
  const TIMER = 1n << 5n, SIE = 2n, stvec = BigInt(RAM + 0x900);
  writeCsr(it, MENVCFG, 1n << 63n);
  writeCsr(it, MIP, TIMER);
  assertEquals(readCsr(it, MIP), 0n, "software does not set the bit then");
  writeCsr(it, STIMECMP, 100n);
  it.hart.set("mideleg", TIMER);
  it.hart.set("mie", TIMER);
  it.hart.set("stvec", stvec);
  it.program([NOP], 0x900);
  it.hart.set("mstatus", SIE);
  it.time = 99;
  runAs(it, 1, [NOP]);
  assertEquals(it.hart.get("pc"), BigInt(RAM + 4), "too early");
  it.time = 100;
  it.hart.set("mstatus", SIE);
  runAs(it, 3, [NOP]);
  assertEquals(it.hart.get("pc"), BigInt(RAM + 4), "M mode takes none that it has delegated");
  runAs(it, 1, [NOP]);
  assertEquals([it.hart.get("scause"), it.hart.get("sepc")], [1n << 63n | 5n, BigInt(RAM)]);
  assertEquals([it.hart.get("pc"), it.hart.get("privilege")], [stvec + 4n, 1]);
  it.hart.set("privilege", 3);
  writeCsr(it, STIMECMP, 101n);
  assertEquals(readCsr(it, MIP), 0n);
});
