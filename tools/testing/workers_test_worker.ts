/// <reference lib="deno.worker" />
import { Death, serve } from "./worker_side.ts";
import { Barrier, Schedule } from "./schedule.ts";

const setup = (data: { base: number }) => ({
  add: (a: number, b: number): number => data.base + a + b,
  later: async (value: string): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve));
    return value;
  },
  fail(): void {
    throw new RangeError("planted");
  },
  uncloneable: (): unknown => () => {},
  never: (): Promise<void> => new Promise(() => {}),
  blockOn(buffer: SharedArrayBuffer): void {
    Atomics.wait(new Int32Array(buffer), 0, 0);
  },
  close(): void {
    self.close();
  },
  die(): void {
    throw new Death("planted death");
  },
  dieLater(): void {
    queueMicrotask(() => {
      throw new Error("planted late death");
    });
  },
  append(schedule: SharedArrayBuffer, log: SharedArrayBuffer, step: number): void {
    const turns = Schedule.attach(schedule);
    const words = new Int32Array(log);
    turns.awaitStep(step - 1);
    words[1 + words[0]!++] = step; // plain accesses: the schedule orders them
    turns.reach(step);
  },
  rounds(buffer: SharedArrayBuffer, count: SharedArrayBuffer, rounds: number): number {
    const barrier = Barrier.attach(buffer);
    const words = new Int32Array(count);
    let wrong = 0;
    for (let round = 1; round <= rounds; round++) {
      Atomics.add(words, 0, 1);
      barrier.arrive();
      if (Atomics.load(words, 0) !== 2 * round) wrong++;
      barrier.arrive();
    }
    return wrong;
  },
});
export type Setup = typeof setup;
serve(setup);
