/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { Death, serve } from "#tools/testing/worker_side.ts";
import { type ArenaHandle, type DomainHandle, Mutex } from "../mod.ts";

/** What each test sends. */
export interface Data {
  arena: ArenaHandle;
  domain: DomainHandle;
  schedule: SharedArrayBuffer;
  label?: string;
}

const setup = (data: Data) => {
  const { arena, domain, schedule } = attachAll({ label: "mortal", ...data });
  const nameOf = (call: () => unknown): string => {
    try {
      call();
    } catch (error) {
      return (error as Error).name;
    }
    return "nothing";
  };
  return {
    token: (): number => arena.token,
    allocate: (): string => nameOf(() => arena.allocate(16)),
    /** Dies in a section, with a mutex, blocks deferred and functions queued. */
    dieHolding(mutex: number, how: "close" | "throw"): void {
      Mutex.attach(arena, mutex).lock();
      domain.register({ label: "doomed" }).lock();
      for (let block = 0; block < 5; block++) domain.deferFree(arena.allocate(256));
      domain.callRcu(() => {});
      if (how === "throw") throw new Death("planted");
      self.close();
    },
    /** Waits for what nobody gives, from step 1 on. */
    lock(mutex: number): string {
      const wanted = Mutex.attach(arena, mutex);
      schedule.reach(1);
      return nameOf(() => wanted.lock());
    },
    synchronize(): string {
      schedule.reach(1);
      return nameOf(() => domain.synchronize());
    },
    lockAsync: (mutex: number): Promise<string> =>
      Mutex.attach(arena, mutex).lockAsync().catch((error) => error.name),
    synchronizeAsync: (): Promise<string> =>
      domain.synchronizeAsync().then(() => "nothing", (error) => error.name),
  };
};
export type Setup = typeof setup;
serve(setup);
