import { assertEquals } from "@std/assert";
import { LINE } from "../signals/interrupt_lines.ts";
import { MachineClock } from "../signals/machine_clock.ts";
import { Aclint } from "./aclint.ts";
import { createBoard } from "./test_lines.ts";

const MTIME = 0x7ff8;
const NEVER = 2n ** 64n - 1n;

function create(harts = 2) {
  const { memory, aclint: at, clock: clockAt, lines, rings } = createBoard(harts);
  const clock = new MachineClock(memory, clockAt);
  clock.start();
  const aclint = new Aclint(memory, at, lines, clock);
  aclint.reset();
  const { software, timer } = aclint;
  return {
    ...{ aclint, clock, lines, rings },
    readTimer: (offset: number, size: number) => BigInt(timer.read!(offset, size, {}) as bigint),
    writeTimer: (offset: number, value: bigint, size: number) =>
      timer.write!(offset, Number(value & 0xffffffffn), size, {}, Number(value >> 32n)),
    readSoftware: (offset: number) => software.read!(offset, 4, {}),
    writeSoftware: (offset: number, value: number) => software.write!(offset, value, 4, {}, 0),
  };
}

Deno.test("msip is the line of its hart, and wakes it once", () => {
  const it = create();
  it.writeSoftware(4, 1);
  assertEquals([it.lines.get(0), it.lines.get(1)], [0, LINE.MACHINE_SOFTWARE]);
  assertEquals([it.readSoftware(0), it.readSoftware(4)], [0, 1]);
  it.writeSoftware(4, 0xffffffff);
  assertEquals([...it.rings], [0, 1]);
  it.writeSoftware(4, 2); // only bit 0 counts
  assertEquals([it.lines.get(1), it.readSoftware(4)], [0, 0]);
  it.writeSoftware(8, 1); // no such hart
  assertEquals(it.readSoftware(8), 0);
});

Deno.test("mtimecmp is written whole or by halves, and its hart looks again", () => {
  const it = create();
  assertEquals([it.readTimer(0, 8), it.readTimer(8, 8)], [NEVER, NEVER]);
  it.writeTimer(8, 0x1122334455667788n, 8);
  it.writeTimer(12, 0xaabbccddn, 4);
  assertEquals(it.readTimer(8, 8), 0xaabbccdd55667788n);
  it.writeTimer(8, 0x01020304n, 4);
  assertEquals([it.readTimer(8, 4), it.readTimer(12, 4)], [0x01020304n, 0xaabbccddn]);
  assertEquals([it.readTimer(0, 8), ...it.rings], [NEVER, 0, 3]);
});

Deno.test("the timer's line follows mtimecmp", () => {
  const it = create();
  assertEquals(it.aclint.refreshTimer(0), Infinity);
  it.writeTimer(0, BigInt(it.clock.now()), 8);
  assertEquals([it.aclint.refreshTimer(0), it.lines.get(0)], [0, LINE.MACHINE_TIMER]);
  it.writeTimer(0, BigInt(it.clock.now() + 10 ** 12), 8);
  const left = it.aclint.refreshTimer(0);
  assertEquals([left > 10 ** 11, left <= 10 ** 12, it.lines.get(0)], [true, true, 0]);
  assertEquals(it.lines.get(1), 0);
});

Deno.test("mtime is read whole or by halves; it does not run backwards, and takes no write", () => {
  const it = create();
  const whole = it.readTimer(MTIME, 8);
  it.writeTimer(MTIME, 2n ** 60n, 8);
  const low = it.readTimer(MTIME, 4);
  assertEquals([low >= whole, it.readTimer(MTIME + 4, 4)], [true, 0n]);
});
