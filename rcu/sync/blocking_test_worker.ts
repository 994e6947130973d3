/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { Arena, type ArenaHandle, type DomainHandle, RcuDomain } from "../mod.ts";
import { canBlock } from "./blocking.ts";

/** A context that must not block, as a browser's main thread. */
const setup = (data: { arena: ArenaHandle; domain: DomainHandle }) => {
  Atomics.wait = () => {
    throw new TypeError("Atomics.wait cannot be called in this context");
  };
  const arena = Arena.attach(data.arena);
  const domain = RcuDomain.attach(arena, data.domain);
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
    synchronizeAsync: (): Promise<void> => domain.synchronizeAsync(),
  };
};
export type Setup = typeof setup;
serve(setup);
