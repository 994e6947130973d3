/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { nextUncaughtError, serve } from "#tools/testing/worker_side.ts";
import {
  type ArenaHandle,
  type DomainHandle,
  type MembReader,
  Mutex,
  QsbrReader,
  RcuPointer,
} from "../mod.ts";

/** What each test sends. */
export interface Data {
  arena: ArenaHandle;
  domain: DomainHandle;
  schedule: SharedArrayBuffer;
}

const setup = (data: Data) => {
  const { arena, domain, schedule } = attachAll(data);
  let reader: MembReader | QsbrReader;

  return {
    register(flavour: "memb" | "qsbr", label = "reader"): void {
      reader = flavour === "memb"
        ? domain.register({ label })
        : domain.register({ flavour: "qsbr", label });
    },
    offline(): void {
      if (!(reader instanceof QsbrReader)) throw new TypeError("registered as memb");
      reader.offline();
    },
    /** Waits for a mutex from step 1 on, online as it is. */
    lockMutex(offset: number): string {
      const mutex = Mutex.attach(arena, offset);
      schedule.reach(1);
      const outcome = mutex.lock();
      mutex.unlock();
      return outcome;
    },
    /** Leaves a section open at the end of its turn. @returns What the reader reports. */
    async leak(): Promise<string> {
      const uncaught = nextUncaughtError();
      reader.lock();
      return (await uncaught).message;
    },
    /** Uses the guard of a section that is over. */
    useAfterSection(pointer: number): void {
      const cell = RcuPointer.attach(arena, pointer);
      const guard = reader.lock();
      guard.unlock();
      const later = reader.lock();
      try {
        cell.dereference(guard);
      } finally {
        later.unlock();
      }
    },
  };
};
export type Setup = typeof setup;
serve(setup);
