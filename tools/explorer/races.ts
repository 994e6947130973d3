/**
 * The race check. Two accesses of different threads **conflict** if their bytes overlap and one of
 * them writes; a conflict is a data race unless both are atomic with the same bytes, or one happens
 * before the other.
 *
 * No clocks are kept. The check rests on a theorem: if some sequentially consistent run has a race by
 * happens-before, then some run comes to a state in which two conflicting accesses are both **next**.
 * (Take the first race of a run, a and b. Leave out of the run all that does not happen before a or
 * b: what is left is closed under program order and under "reads from an atomic", so each of its reads
 * reads what it read before. It is a run, and after it a and b are both next.) The exploration
 * visits such a state: two steps that conflict are never moved apart by the reduction, since each
 * thread's future has its step.
 *
 * A thread that has died makes no step, so whoever goes on after it has learned of the death races
 * with nothing that it did.
 *
 * @module
 */

import { type Access, writes } from "./access.ts";
import type { Fault, Machine } from "./machine.ts";

/** A race between two threads that are both about to make their accesses. */
export function findRace(
  machine: Machine,
  state: Int32Array,
  mayRace: ((address: number) => boolean) | undefined,
): (Fault & { readonly threads: readonly [number, number] }) | undefined {
  const next = Array.from({ length: machine.threads }, (_, thread) => {
    if (machine.hasEnded(state, thread) || machine.sleeps(state, thread)) return undefined;
    const { access } = machine.thread(state, thread);
    return access && hasBytes(access) ? access : undefined;
  });
  for (let a = 0; a < next.length; a++) {
    for (let b = a + 1; b < next.length; b++) {
      const [one, other] = [next[a], next[b]];
      if (!one || !other || !races(one, other)) continue;
      const at = Math.max(one.address, other.address);
      if (mayRace?.(at)) continue;
      return { kind: "race", says: "a data race", threads: [a, b] };
    }
  }
  return undefined;
}

function hasBytes({ kind }: Access): boolean {
  return kind === "load" || kind === "wait" || writes(kind);
}

function races(a: Access, b: Access): boolean {
  if (!writes(a.kind) && !writes(b.kind)) return false;
  if (a.atomic && b.atomic && a.address === b.address && a.bytes === b.bytes) return false;
  return rangesOf(a).some((one) => rangesOf(b).some((other) => clash(one, other)));
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly written: boolean;
}

function rangesOf({ kind, address, bytes, expectedLow }: Access): Range[] {
  const own = { from: address, to: address + bytes, written: writes(kind) };
  if (kind !== "copy") return [own];
  return [own, { from: expectedLow, to: expectedLow + bytes, written: false }];
}

function clash(a: Range, b: Range): boolean {
  return (a.written || b.written) && a.from < b.to && b.from < a.to;
}
