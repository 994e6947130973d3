import { assertEquals } from "@std/assert";
import { AdaptiveSpin, processorCount } from "./adaptive_spin.ts";

/** A clock that goes on by some milliseconds each time that it is read. */
function clockOf(stepMs: number, onRead: (reads: number) => void = () => {}) {
  const clock = { now: 0, reads: 0 };
  const read = () => {
    onRead(++clock.reads);
    return clock.now += stepMs;
  };
  return { clock, read };
}

const microseconds = (spin: AdaptiveSpin) => Math.round(spin.spinMs * 1e6) / 1000;

Deno.test("a spin ends when the word changes, or after 20 us", () => {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const { clock, read } = clockOf(0.001, (reads) => {
    if (reads === 31) words[1] = 5;
  });
  const spin = new AdaptiveSpin(read, 2);
  assertEquals(spin.until(words, 1, 0, 0), false);
  assertEquals(clock.reads, 20);
  assertEquals(spin.until(words, 1, 0, clock.now), true);
  assertEquals(clock.reads, 31);
  assertEquals(spin.until(words, 1, 0, 0), true, "a word that has changed is seen at once");
  assertEquals(clock.reads, 31);
});

Deno.test("a wait that has taken its time already spins no more", () => {
  const words = new Int32Array(new SharedArrayBuffer(4));
  const { clock, read } = clockOf(0.001);
  const spin = new AdaptiveSpin(read, 2);
  clock.now = 1;
  assertEquals([spin.until(words, 0, 0, 0.5), clock.reads], [false, 1]);
});

/** Waits of some lengths, slept or not: how many microseconds each next wait may spin. */
function learning() {
  const { clock, read } = clockOf(0);
  const spin = new AdaptiveSpin(read, 2);
  const wait = (ms: number, slept: boolean) => {
    const start = clock.now;
    clock.now += ms;
    spin.learn(start, slept);
    return microseconds(spin);
  };
  return {
    slept: (...waits: number[]) => waits.map((ms) => wait(ms, true)),
    spun: (...waits: number[]) => waits.map((ms) => wait(ms, false)),
  };
}

Deno.test("spins in vain end the spinning, and spins that succeed bring it back", () => {
  const { slept, spun } = learning();
  assertEquals(slept(5, 0.1, 5, 0.05), [10, 5, 2.5, 0]);
  assertEquals(spun(0, 0.002, 0.001, 0, 0.02), [2.5, 5, 10, 20, 20]);
  assertEquals([...slept(0.3), ...spun(0.001)], [10, 20]);
});

Deno.test("after short waits without a spin there is a trial, more rarely if it is in vain", () => {
  const { slept, spun } = learning();
  slept(5, 5, 5, 5);
  /** How many short waits it takes to the next trial. */
  const waits = () => {
    for (let count = 1;; count++) if (slept(0.1)[0] === 160) return count;
  };
  assertEquals(waits(), 8);
  assertEquals(slept(0.2), [0], "in vain");
  assertEquals([waits(), ...slept(0.2), waits()], [16, 0, 32]);
  assertEquals(spun(0.03), [20], "not in vain");
  slept(5, 5, 5, 5);
  assertEquals(slept(0.1, 0.201, 5), [0, 0, 0]);
  assertEquals(waits(), 7, "long waits do not count");
});

Deno.test("trials never become rarer than one in 1,024 short waits", () => {
  const { slept } = learning();
  slept(5, 5, 5, 5);
  const trials = slept(...Array(6000).fill(0.1)).flatMap((spin, at) => spin === 160 ? [at] : []);
  const gaps = trials.slice(1).map((at, index) => at - trials[index]! - 1);
  assertEquals(gaps, [16, 32, 64, 128, 256, 512, 1024, 1024, 1024, 1024]);
});

Deno.test("with one processor nothing spins, and no clock is read", () => {
  const words = new Int32Array(new SharedArrayBuffer(4));
  const { clock, read } = clockOf(0);
  const spin = new AdaptiveSpin(read, 1);
  assertEquals([spin.until(words, 0, 0, 0), clock.reads, spin.spinMs], [false, 0, 0]);
  spin.learn(0, true);
  assertEquals(spin.spinMs, 0);
  assertEquals(processorCount(), navigator.hardwareConcurrency);
});
