import { assertEquals, assertMatch } from "@std/assert";
import { MEMORY_MAP } from "../fdt/memory_map.ts";
import { WFI } from "../hart/test_board.ts";
import type { Line } from "../hart/assembler.ts";
import { Supervisor } from "./supervisor.ts";
import { WEB_WORKERS } from "./workers_web.ts";
import {
  add,
  addi,
  andi,
  beq,
  bltu,
  bne,
  CSR,
  csrr,
  csrw,
  doneOrHung,
  finish,
  jump,
  label,
  lbu,
  ld,
  li,
  lw,
  runProgram,
  sb,
  sd,
  sw,
  X,
} from "./test_machine.ts";

const PASS = 0x5555;
const { t0, t1, t2, a0, a1, a2, a3, a4, zero } = X;

/** Sends a character. */
function put(character: string): Line[] {
  return [
    ...li(t0, MEMORY_MAP.uart.base),
    addi(t1, zero, character.charCodeAt(0)),
    sb(t1, t0),
  ];
}

Deno.test("a program prints and powers off; all that a run has ends with it", async () => {
  const { report, text } = await runProgram([...put("o"), ...put("k"), ...finish(PASS)]);
  assertEquals([text, report.exit, report.failures], ["ok", { kind: "power-off" }, []]);
  assertEquals(report.harts.length, 1);
  assertEquals(report.harts[0]!.exits, 3);
  assertEquals(report.deviceAccesses, 3);
});

Deno.test("the guest's exit code and its wish to reset are reported", async () => {
  const failed = await runProgram(finish(7 << 16 | 0x3333));
  assertEquals(failed.report.exit, { kind: "fail", code: 7 });
  assertEquals((await runProgram(finish(0x7777))).report.exit, { kind: "reset" });
});

Deno.test("an access where nothing answers is an access fault", async () => {
  // The handler prints the cause: 5 for the load, then 7 for the store.
  const { text } = await runProgram([
    jump("start"),
    csrr(a2, CSR.mcause),
    ...li(t0, MEMORY_MAP.uart.base),
    addi(a2, a2, 48),
    sb(a2, t0),
    addi(a3, zero, 48 + 7),
    beq(a2, a3, "end"),
    sw(a2, a1),
    label("end"),
    ...finish(PASS),
    label("start"),
    ...li(t0, MEMORY_MAP.ram.base + 4),
    csrw(CSR.mtvec, t0),
    ...li(a1, 0x6000000),
    lw(a2, a1),
  ]);
  assertEquals(text, "57");
});

/** Hart 0 and hart 1 wake each other by software interrupts, this many times. */
function pingPong(times: number): Line[] {
  const enable = [addi(t0, zero, 8), csrw(CSR.mie, t0)];
  const awaitOwn = (name: string, msip: number): Line[] => [
    label(name),
    WFI,
    csrr(t0, CSR.mip),
    andi(t0, t0, 8),
    beq(t0, zero, name),
    sw(zero, msip),
  ];
  return [
    ...enable,
    ...li(a1, MEMORY_MAP.software.base), // hart 0's msip
    ...li(a2, MEMORY_MAP.software.base + 4), // hart 1's
    addi(a3, zero, 1),
    ...li(a4, times),
    bne(a0, zero, "pong"),
    label("ping"),
    sw(a3, a2),
    ...awaitOwn("ping waits", a1),
    addi(a4, a4, -1),
    bne(a4, zero, "ping"),
    ...finish(PASS),
    label("pong"),
    ...awaitOwn("pong waits", a2),
    sw(a3, a1),
    jump("pong"),
  ];
}

Deno.test("harts wake each other from wfi, and no wake is lost", async () => {
  const { report } = await runProgram(pingPong(2000), { harts: 2 });
  assertEquals([report.exit, report.failures], [{ kind: "power-off" }, []]);
});

Deno.test("a hart sleeps until mtimecmp, and mtime has passed it then", async () => {
  const { report, text } = await runProgram([
    ...li(a1, MEMORY_MAP.timer.base), // mtimecmp
    ...li(a2, MEMORY_MAP.timer.base + 0x7ff8), // mtime
    addi(t0, zero, 0x80),
    csrw(CSR.mie, t0),
    addi(a4, zero, 20),
    label("again"),
    ld(t1, a2),
    ...li(t2, 2000),
    add(t1, t1, t2),
    sd(t1, a1),
    label("sleep"),
    WFI,
    csrr(t0, CSR.mip),
    andi(t0, t0, 0x80),
    beq(t0, zero, "sleep"),
    ld(t2, a2),
    bltu(t2, t1, "early"),
    addi(a4, a4, -1),
    bne(a4, zero, "again"),
    ...put("z"),
    ...finish(PASS),
    label("early"),
    ...put("e"),
    ...finish(0x7777),
  ]);
  assertEquals([text, report.exit], ["z", { kind: "power-off" }]);
});

/** What the flash's status looks like, and what is programmed. */
const [READY, WORD] = [0x800080, 0x12345678];

/** Hart 0 erases, programs and then switches between status and array; hart 1 reads all the while. */
function switchFlash(times: number): Line[] {
  const command = (value: number): Line[] => [...li(t0, value | value << 16), sw(t0, a1)];
  return [
    ...li(a1, MEMORY_MAP.flash.base),
    ...li(a2, READY),
    ...li(a3, WORD),
    bne(a0, zero, "reader"),
    ...command(0x20),
    ...command(0xd0),
    ...command(0x40),
    sw(a3, a1),
    ...li(a4, times),
    label("switch"),
    ...command(0x70),
    lw(t1, a1),
    bne(t1, a2, "wrong"),
    ...command(0xff),
    lw(t1, a1),
    bne(t1, a3, "wrong"),
    addi(a4, a4, -1),
    bne(a4, zero, "switch"),
    ...finish(PASS),
    label("reader"), // before the word was programmed it is 0, or erased
    lw(t1, a1),
    bne(t1, a3, "reader"),
    label("read"),
    lw(t1, a1),
    beq(t1, a2, "read"),
    beq(t1, a3, "read"),
    label("wrong"),
    ...finish(1 << 16 | 0x3333),
  ];
}

Deno.test("flash leaves the map and comes back by the guest's commands, under a hart that reads it", async () => {
  const { report } = await runProgram(switchFlash(300), { harts: 2 });
  assertEquals([report.exit, report.failures], [{ kind: "power-off" }, []]);
});

/** Both harts take the serial port's interrupts and echo what was typed; "q" ends it. */
function echo(): Line[] {
  const context = 2; // M of hart 1; hart 0 has context 0
  const { plic, uart } = MEMORY_MAP;
  return [
    addi(t0, zero, 1),
    ...li(t1, plic.base),
    sw(t0, t1, 4 * 10), // the priority of the serial port
    ...li(a1, plic.base + 0x2000), // enable bits of this hart
    ...li(a2, plic.base + 0x200000), // threshold and claim
    beq(a0, zero, "hart 0"),
    ...li(t2, context * 0x80),
    add(a1, a1, t2),
    ...li(t2, context * 0x1000),
    add(a2, a2, t2),
    label("hart 0"),
    ...li(t2, 1 << 10),
    sw(t2, a1),
    ...li(t2, 0x800),
    csrw(CSR.mie, t2),
    ...li(a3, uart.base),
    sb(t0, a3, 1), // interrupts of received data
    addi(a4, zero, "q".charCodeAt(0)),
    label("sleep"),
    WFI,
    lw(t0, a2, 4),
    beq(t0, zero, "sleep"), // another hart claimed it
    lbu(t1, a3, 5),
    andi(t1, t1, 1),
    beq(t1, zero, "complete"),
    lbu(t1, a3, 0),
    sb(t1, a3, 0),
    label("complete"),
    sw(t0, a2, 4),
    bne(t1, a4, "sleep"),
    ...finish(PASS),
  ];
}

Deno.test("each byte that is typed is taken by one hart, in order", async () => {
  const typed = "abcdefghijklmnop".repeat(40);
  const bytes = new TextEncoder().encode(typed);
  let sent = 0;
  const { report, text } = await runProgram([...put(">"), ...echo()], {
    harts: 2,
    onOutput(machine, soFar) {
      // Typed in pieces, each when all before it was echoed: the line falls and rises again.
      const echoed = soFar.replaceAll(">", "").length;
      if (!soFar.startsWith(">>") || echoed < sent) return;
      const piece = bytes.subarray(sent, sent + 7);
      sent += piece.length;
      machine.type(piece.length > 0 ? piece : new TextEncoder().encode("q"));
    },
  });
  assertEquals(text.replaceAll(">", ""), `${typed}q`);
  assertEquals([report.exit, report.failures], [{ kind: "power-off" }, []]);
});

Deno.test("a hart's worker that dies is evicted and reported, and the machine stops", async () => {
  const { report } = await runProgram(pingPong(100), {
    harts: 2,
    hartWorker: import.meta.resolve("./dying_hart_test_worker.ts"),
  });
  assertEquals([report.exit, report.failures.length], [{ kind: "failure" }, 1]);
  assertMatch(report.failures[0]!, /^hart 1 failed: RangeError: planted/);
  assertEquals(report.harts.map(({ hart }) => hart), [0]);
});

Deno.test("a hart's worker that dies without a word is noticed, and the machine stops", async () => {
  const { report } = await runProgram(pingPong(100), {
    harts: 2,
    hartWorker: `${import.meta.resolve("./dying_hart_test_worker.ts")}?silent`,
  });
  assertEquals(report.exit, { kind: "failure" });
  assertEquals(report.failures, ["hart 1 died without a word"]);
});

Deno.test("a run can be ended before its harts have started", async () => {
  const machine = new Supervisor({
    ...{ workers: WEB_WORKERS, harts: 2, memory: 2 ** 26, pieces: [], output: () => {} },
  });
  machine.quit();
  const { exit, harts, failures, milliseconds } = await doneOrHung(machine, () => "");
  assertEquals([exit, harts, failures, milliseconds], [{ kind: "quit" }, [], [], 0]);
});

Deno.test("a device worker that cannot build the machine is reported", async () => {
  const machine = new Supervisor({
    ...{ workers: WEB_WORKERS, harts: 1, memory: 2 ** 33, pieces: [], output: () => {} },
  });
  const report = await doneOrHung(machine, () => "");
  assertEquals([report.exit, report.harts, report.failures.length], [{ kind: "failure" }, [], 1]);
  assertMatch(report.failures[0]!, /^devices failed: RamBlockError/);
});

Deno.test("a paused machine stands still, mtime as well, and goes on", async () => {
  const loop = [label("loop"), ...put("."), jump("loop")];
  let isPaused = false;
  const { report } = await runProgram(loop, {
    async onOutput(machine) {
      if (isPaused) return;
      isPaused = true;
      await machine.pause();
      const first = await machine.registersText();
      assertMatch(first, /^\nCPU#0\n pc {7}00000000800000/);
      assertEquals(await machine.registersText(), first);
      machine.resume();
      assertEquals(machine.isPaused, false);
      machine.quit();
    },
  });
  assertEquals([report.exit, report.failures], [{ kind: "quit" }, []]);
});
