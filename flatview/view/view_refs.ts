/**
 * References to views, from any context. A reference keeps a view beyond the read-side section, as
 * a migration thread needs it. A count that has reached zero stays zero: the view is on its way to
 * its grace period, and nothing brings it back.
 */
import type { SharedMemory } from "@guestmem/rcu";
import { DEAD_LIST, VIEW } from "./view_header.ts";

/** Shared words, as `Atomics` take them. */
type SharedWords = Pick<SharedMemory, "i32">;

/**
 * Takes a reference, unless the view is dead.
 *
 * @param words The shared words.
 * @param view Offset of a view, inside the section in which it was loaded, or while a reference is held.
 * @returns Whether a reference was taken.
 */
export function tryRefView({ i32 }: SharedWords, view: number): boolean {
  const at = VIEW.refs.index(view);
  let refs = Atomics.load(i32, at);
  while (refs !== 0) {
    const seen = Atomics.compareExchange(i32, at, refs, refs + 1);
    if (seen === refs) return true;
    refs = seen;
  }
  return false;
}

/**
 * Drops a reference. With the last one the view goes on the list of dead views, from which the control
 * context takes it at its next commit or `reap()`.
 *
 * @param words The shared words.
 * @param view Offset of the view; not to be used afterwards.
 */
export function unrefView({ i32 }: SharedWords, view: number): void {
  if (Atomics.sub(i32, VIEW.refs.index(view), 1) !== 1) return;
  // Contexts only push, and one context takes the whole list at once, so ABA at the head does no harm.
  const head = DEAD_LIST.head.index(i32[VIEW.deadList.index(view)]!);
  let next = Atomics.load(i32, head);
  for (;;) {
    Atomics.store(i32, VIEW.nextDead.index(view), next);
    const seen = Atomics.compareExchange(i32, head, next, view | 0);
    if (seen === next) return;
    next = seen;
  }
}

/**
 * Takes all views off the list of dead views. Control context only.
 *
 * @param words The shared words.
 * @param list Offset of the list.
 */
export function takeDead({ i32 }: SharedWords, list: number): number[] {
  const dead: number[] = [];
  let view = Atomics.exchange(i32, DEAD_LIST.head.index(list), 0) >>> 0;
  while (view !== 0) {
    dead.push(view);
    view = Atomics.load(i32, VIEW.nextDead.index(view)) >>> 0;
  }
  return dead;
}
