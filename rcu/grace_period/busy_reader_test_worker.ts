/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import {
  Arena,
  type ArenaHandle,
  type DomainHandle,
  RcuDomain,
  RcuPointer,
  Srcu,
} from "@guestmem/rcu";

/** What the worker is given. */
interface Data {
  readonly arena: ArenaHandle;
  readonly rcu: DomainHandle;
  readonly srcu: DomainHandle;
  /** Offset of a pointer's cell. */
  readonly cell: number;
  /** Word 0: 1 while the reader reads. Word 1: 1 asks it to stop. */
  readonly control: SharedArrayBuffer;
}

const setup = (data: Data) => {
  const arena = Arena.attach(data.arena);
  const { u32 } = arena;
  const pointer = RcuPointer.attach(arena, data.cell);
  const control = new Int32Array(data.control);

  /** Reads without a break: the domain never finds this reader idle for long. */
  const readUntilStopped = (slice: () => void): void => {
    slice();
    Atomics.store(control, 0, 1);
    Atomics.notify(control, 0);
    while (Atomics.load(control, 1) === 0) slice();
    Atomics.store(control, 1, 0);
    Atomics.store(control, 0, 0);
  };

  return {
    memb(): void {
      const reader = RcuDomain.attach(arena, data.rcu).register();
      readUntilStopped(() => {
        for (let i = 0; i < 1000; i++) {
          const guard = reader.lock();
          u32[pointer.dereference(guard) >>> 2]!;
          guard.unlock();
        }
      });
      reader.unregister();
    },
    /** A quiescent state after a thousand sections. */
    qsbr(): void {
      const reader = RcuDomain.attach(arena, data.rcu).register({ flavour: "qsbr" });
      readUntilStopped(() => {
        for (let i = 0; i < 1000; i++) {
          const guard = reader.lock();
          u32[pointer.dereference(guard) >>> 2]!;
          guard.unlock();
        }
        reader.quiescent();
      });
      reader.unregister();
    },
    srcu(): void {
      const reader = Srcu.attach(arena, data.srcu).register();
      readUntilStopped(() => {
        for (let i = 0; i < 1000; i++) {
          const guard = reader.lock();
          u32[pointer.dereference(guard) >>> 2]!;
          guard.unlock();
        }
      });
      reader.unregister();
    },
  };
};

export type Setup = typeof setup;
serve(setup);
