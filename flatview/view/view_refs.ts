/**
 * References to views, from any context. A reference keeps a view beyond the read-side section, as
 * a migration thread needs it. A count that has reached zero stays zero: the view is on its way to
 * its grace period, and nothing brings it back.
 */
import { ViewWord } from "./layout.ts";

/** The words of the arena, as `Atomics` take them. */
export interface SharedWords {
  /** The arena as signed words. */
  readonly i32: Int32Array;
}

/**
 * Takes a reference, unless the view is dead.
 *
 * @param words The arena.
 * @param view Offset of a view, inside the section in which it was loaded, or while a reference is held.
 * @returns Whether a reference was taken.
 */
export function tryRefView(words: SharedWords, view: number): boolean {
  const at = (view >>> 2) + ViewWord.REFS;
  let refs = Atomics.load(words.i32, at);
  while (refs !== 0) {
    const seen = Atomics.compareExchange(words.i32, at, refs, refs + 1);
    if (seen === refs) return true;
    refs = seen;
  }
  return false;
}

/**
 * Drops a reference. With the last one the view is put on the list of the dead, from which the
 * control context takes it at its next commit or `reap()`.
 *
 * @param words The arena.
 * @param view Offset of the view; not to be used afterwards.
 */
export function unrefView(words: SharedWords, view: number): void {
  const { i32 } = words;
  const at = view >>> 2;
  if (Atomics.sub(i32, at + ViewWord.REFS, 1) !== 1) return;
  // Push only, and one context takes the whole list at once, so a head that comes back does no harm.
  const head = i32[at + ViewWord.DEAD_LIST]! >>> 2;
  let next = Atomics.load(i32, head);
  for (;;) {
    Atomics.store(i32, at + ViewWord.NEXT_DEAD, next);
    const seen = Atomics.compareExchange(i32, head, next, view | 0);
    if (seen === next) return;
    next = seen;
  }
}

/** Takes all views off the list of the dead. Control context only. */
export function takeDead(words: SharedWords, list: number): number[] {
  const dead: number[] = [];
  let view = Atomics.exchange(words.i32, list >>> 2, 0) >>> 0;
  while (view !== 0) {
    dead.push(view);
    view = Atomics.load(words.i32, (view >>> 2) + ViewWord.NEXT_DEAD) >>> 0;
  }
  return dead;
}
