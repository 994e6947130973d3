/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import { type ArenaHandle, type DomainHandle, Mutex } from "../mod.ts";
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
    lock: (offset: number): string => nameOf(() => Mutex.attach(arena, offset).lock()),
    lockAsync: (offset: number): Promise<string> => Mutex.attach(arena, offset).lockAsync(),
    synchronizeAsync: (): Promise<void> => domain.synchronizeAsync(),
  };
};
export type Setup = typeof setup;
serve(setup);
