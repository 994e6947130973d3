/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { LINE } from "../signals/interrupt_lines.ts";
import { Plic } from "./plic.ts";
import { attachBoard, type BoardHandles } from "./test_lines.ts";

/** A wait that takes longer is a lost wake, however slow the machine. */
const LIMIT_MS = 120_000;

/** The parameters of a hart. */
export interface HartData extends BoardHandles {
  readonly hart: number;
  readonly sources: number;
  /** How often each source is to be raised. */
  readonly rounds: number;
  /** Shared words: how many were served in all; then for each source, how often it was raised. */
  readonly counts: SharedArrayBuffer;
  /** Shared words: for each source, how many harts serve it now. */
  readonly serving: SharedArrayBuffer;
}

const setup = (data: HartData) => {
  const { lines, rings, memory } = attachBoard(data);
  const plic = new Plic(memory, data.plic, lines);
  const { hart, sources, rounds } = data;
  const counts = new Int32Array(data.counts);
  const serving = new Int32Array(data.serving);
  const claim = 0x200004 + 0x2000 * hart;

  /** Serves a source: lowers its line, and raises it again before it completes, or after. */
  const serveSource = (source: number): void => {
    if (Atomics.add(serving, source, 1) !== 0) throw new Error(`${source} was claimed twice`);
    plic.setLevel(source, false);
    const round = Atomics.add(counts, source, 1);
    Atomics.sub(serving, source, 1);
    if (round < rounds && round % 2 === 0) plic.setLevel(source, true);
    plic.ops.write!(claim, source, 4, {}, 0);
    if (round < rounds && round % 2 === 1) plic.setLevel(source, true);
  };

  return {
    /**
     * Claims all sources that are pending, in rounds that both harts begin together; hart 0 makes them
     * pending. Counts the claims of each source in `counts`.
     */
    claimTogether(): void {
      const meet = (at: number): void => {
        Atomics.add(serving, 0, 1);
        Atomics.notify(serving, 0);
        for (let here; (here = Atomics.load(serving, 0)) < at;) {
          if (Atomics.wait(serving, 0, here, LIMIT_MS) === "timed-out") throw new Error("alone");
        }
      };
      for (let round = 0; round < rounds; round++) {
        for (let source = 1; hart === 0 && source <= sources; source++) {
          plic.setLevel(source, true);
          plic.setLevel(source, false);
        }
        meet(6 * round + 2);
        const mine: number[] = [];
        for (let source; (source = Number(plic.ops.read!(claim, 4, {}))) !== 0;) mine.push(source);
        for (const source of mine) Atomics.add(counts, source, 1);
        meet(6 * round + 4);
        for (const source of mine) plic.ops.write!(claim, source, 4, {}, 0);
        meet(6 * round + 6);
      }
    },

    /** Serves until all rounds are over. @returns How many claims found nothing. */
    run(): number {
      const total = sources * rounds;
      let empty = 0;
      for (;;) {
        const seen = Atomics.load(rings, hart);
        if (Atomics.load(counts, 0) === total) return empty;
        plic.refreshLines(hart);
        if ((lines.get(hart) & LINE.MACHINE_EXTERNAL) === 0) {
          if (Atomics.wait(rings, hart, seen, LIMIT_MS) === "timed-out") throw new Error("no wake");
          continue;
        }
        const source = Number(plic.ops.read!(claim, 4, {}));
        if (source === 0) empty++;
        else {
          serveSource(source);
          if (Atomics.add(counts, 0, 1) + 1 === total) {
            for (let other = 0; other < lines.harts; other++) lines.wake(other);
          }
        }
      }
    },
  };
};

export type Setup = typeof setup;
serve(setup);
