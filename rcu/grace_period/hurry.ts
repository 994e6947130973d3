/**
 * Telling a reader that returns to its event loop that a grace period waits for it. After QEMU's
 * `rcu_add_force_rcu_notifier`.
 *
 * @module
 */

import type { SharedMemory } from "../arena/allocator.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { SLOT } from "../kernel/layouts.ts";

/** How often the word is polled where the host has no `Atomics.waitAsync`. */
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
 * Calls `notify` each time an updater asks the reader to hurry. Does not keep the process alive.
 *
 * @param memory The arena's memory.
 * @param slot The reader's slot.
 * @param notify What to call.
 * @returns A function that ends it.
 */
export function watchHurry(memory: SharedMemory, slot: number, notify: () => void): () => void {
  const kernel = instantiateKernel(memory.memory);
  const index = SLOT.hurry.index(slot);
  let watching = true;
  const watch = async () => {
    let change = wordChange(memory.i32, index, 0);
    for (;;) {
      await change;
      if (!watching) return;
      const hurry = kernel.load32(SLOT.hurry.at(slot));
      // Waits again before it calls: the callback may clear the word, and a request that follows at
      // once sets it to what it holds now.
      change = wordChange(memory.i32, index, hurry);
      if (hurry !== 0) notify();
    }
  };
  watch();
  return () => {
    watching = false;
    Atomics.notify(memory.i32, index);
  };
}

async function wordChange(view: Int32Array, index: number, seen: number): Promise<void> {
  const host = Atomics as WaitAsync;
  if (host.waitAsync) await host.waitAsync(view, index, seen).value;
  else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
