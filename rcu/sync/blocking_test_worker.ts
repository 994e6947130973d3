/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import type { ArenaHandle, DomainHandle } from "../mod.ts";
import { canBlock } from "./blocking.ts";

/** A context that must not block, as a browser's main thread. */
const setup = (data: { arena: ArenaHandle; domain: DomainHandle }) => {
  Atomics.wait = () => {
    throw new TypeError("Atomics.wait cannot be called in this context");
  };
  const { arena, domain } = attachAll(data);
  const nameOf = (call: () => void): string => {
    try {
      call();
    } catch (error) {
      return (error as Error).name;
    }
    return "nothing";
  };
  return {
    canBlock: (): boolean => canBlock(),
    synchronize: (): string => nameOf(() => domain.synchronize()),
    barrier: (): string => nameOf(() => domain.barrier()),
    deferFree: (block: number): string => nameOf(() => domain.deferFree(block)),
    /** Queues functions that count in the first of some words. */
    queue(buffer: SharedArrayBuffer, functions: number): void {
      const words = new Int32Array(buffer);
      for (let made = 0; made < functions; made++) domain.callRcu(() => Atomics.add(words, 0, 1));
    },
    /** Resolves when this context has waited for the arena's lock in vain, after the pump has. */
    async untilLockTimeout(): Promise<void> {
      for (let turn = 0; turn < 2; turn++) await new Promise((next) => setTimeout(next, 0));
      while (nameOf(() => arena.allocate(16)) !== "RcuError");
    },
    synchronizeAsync: (): Promise<void> => domain.synchronizeAsync(),
  };
};
export type Setup = typeof setup;
serve(setup);
