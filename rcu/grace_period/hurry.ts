/**
 * Force-quiescent notifiers: telling a reader that returns to its event loop that a grace period
 * waits for it. After QEMU's `rcu_add_force_rcu_notifier`.
 *
 * @module
 */

import type { Arena } from "../arena/arena.ts";

/** Where the host has no `Atomics.waitAsync`, the word is looked at this often. */
const POLL_MS = 4;

/** What the host may offer. */
interface WaitAsync {
  waitAsync?: (
    view: Int32Array,
    index: number,
    value: number,
  ) => { value: string | Promise<string> };
}

/**
 * Calls `notify` each time an updater kicks the reader whose HURRY word this is. Does not keep the
 * process alive.
 *
 * @returns A function that ends it.
 */
export function watchHurry(arena: Arena, word: number, notify: () => void): () => void {
  let watching = true;
  const watch = async () => {
    let change = wordChange(arena.i32, word >>> 2, 0);
    for (;;) {
      await change;
      if (!watching) return;
      const hurry = arena.kernel.load32(word);
      // Waits again before it calls: the callback may clear the word, and a kick that follows at once
      // sets it to what it holds now.
      change = wordChange(arena.i32, word >>> 2, hurry);
      if (hurry !== 0) notify();
    }
  };
  watch();
  return () => {
    watching = false;
    Atomics.notify(arena.i32, word >>> 2);
  };
}

async function wordChange(view: Int32Array, index: number, seen: number): Promise<void> {
  const host = Atomics as WaitAsync;
  if (host.waitAsync) await host.waitAsync(view, index, seen).value;
  else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
