import { assertEquals } from "@std/assert";
import { GoldfishRtc } from "./goldfish_rtc.ts";

function create() {
  let now = 1_700_000_000_000; // ms
  let alarm: { at: number; act: () => void } | undefined;
  const edges: boolean[] = [];
  const rtc = new GoldfishRtc({
    now: () => now,
    schedule: (milliseconds, act) => {
      alarm = { at: now + milliseconds, act };
      return () => void (alarm = undefined);
    },
    setLine: (isUp) => void edges.push(isUp),
  });
  const read = (register: number) => Number(rtc.ops.read!(register, 4, {}));
  const write = (register: number, value: bigint) =>
    rtc.ops.write!(register, Number(value), 4, {}, 0);
  return {
    ...{ rtc, edges, read, write },
    pass(milliseconds: number): void {
      now += milliseconds;
      if (alarm === undefined || alarm.at > now) return;
      const { act } = alarm;
      alarm = undefined;
      act();
    },
    time(): bigint {
      const low = read(0x00);
      return BigInt(read(0x04)) << 32n | BigInt(low);
    },
    setAlarm(time: bigint): void {
      write(0x0c, time >> 32n);
      write(0x08, time & 0xffffffffn);
    },
  };
}

Deno.test("the time is the host's, in nanoseconds; reading the lower half latches the upper", () => {
  const it = create();
  assertEquals(it.time(), 1_700_000_000_000_000_000n);
  const low = it.read(0x00);
  it.pass(10_000); // the lower half runs over
  assertEquals(BigInt(it.read(0x04)) << 32n | BigInt(low), 1_700_000_000_000_000_000n);
});

Deno.test("the guest sets the time", () => {
  const it = create();
  it.write(0x04, 1n);
  it.write(0x00, 5_000_000n);
  it.pass(2);
  assertEquals(it.time(), 2n ** 32n + 7_000_000n);
});

Deno.test("the alarm interrupts when it is due, if that is enabled", () => {
  const it = create();
  it.write(0x10, 1n);
  it.setAlarm(it.time() + 3_000_000n);
  assertEquals(it.read(0x18), 1);
  it.pass(2);
  assertEquals(it.edges.at(-1), false);
  it.pass(1);
  assertEquals([it.edges.at(-1), it.read(0x18)], [true, 0]);
  it.write(0x1c, 1n);
  assertEquals(it.edges.at(-1), false);
});

Deno.test("an alarm in the past is due at once, a cleared one never", () => {
  const it = create();
  it.write(0x10, 1n);
  it.setAlarm(1n);
  assertEquals(it.edges.at(-1), true);
  it.write(0x1c, 1n);
  it.setAlarm(it.time() + 3_000_000n);
  it.write(0x14, 1n);
  it.pass(10);
  assertEquals([it.edges.at(-1), it.read(0x18)], [false, 0]);
});
