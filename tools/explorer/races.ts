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
import type { Fault } from "./machine.ts";
import type { Outlook } from "./outlook.ts";

/** A race between two threads that are both about to make their accesses. */
export function findRace(
  { threads, alive, asleep }: Outlook,
  mayRace: (address: number) => boolean,
): (Fault & { readonly threads: readonly [number, number] }) | undefined {
  const ready = alive & ~asleep;
  for (let a = 0; a < threads.length; a++) {
    for (let b = a + 1; b < threads.length; b++) {
      if (!(ready & 1 << a) || !(ready & 1 << b)) continue;
      const [one, other] = [threads[a]!.access, threads[b]!.access];
      if (!one || !other || !races(one, other) || mayRace(Math.max(one.address, other.address))) {
        continue;
      }
      return { kind: "race", says: "a data race", threads: [a, b] };
    }
  }
  return undefined;
}

function races(a: Access, b: Access): boolean {
  if (a.atomic && b.atomic && a.address === b.address && a.bytes === b.bytes) return false;
  if (!hasBytes(a) || !hasBytes(b)) return false;
  if (clash(a.address, a.bytes, b.address, b.bytes) && (writes(a.kind) || writes(b.kind))) {
    return true;
  }
  return copiesFrom(a, b) || copiesFrom(b, a);
}

/** Whether one copies from where the other writes. */
function copiesFrom(one: Access, { kind, address, bytes }: Access): boolean {
  return one.kind === "copy" && writes(kind) &&
    clash(one.expectedLow, one.bytes, address, bytes);
}

function clash(a: number, aBytes: number, b: number, bBytes: number): boolean {
  return a < b + bBytes && b < a + aBytes;
}

function hasBytes({ kind }: Access): boolean {
  return kind === "load" || kind === "wait" || writes(kind);
}
