/**
 * RCU and SRCU domains behind one interface, so that readers and updaters are written once.
 *
 * @module
 */

import {
  type Arena,
  type DomainHandle,
  type MembReader,
  type QsbrReader,
  RcuDomain,
  type ReadGuard,
  Srcu,
} from "@guestmem/rcu";
import type { Random } from "../lib/random.ts";

/** Flavours of one reader. */
export type Flavour = "memb" | "qsbr" | "srcu";

/** What updaters need of a domain. */
export interface Grace {
  startPoll(): number;
  poll(cookie: number): boolean;
  synchronize(options?: { readonly hurry?: boolean }): void;
  synchronizeAsync(): Promise<void>;
  call(run: () => void): void;
  deferFree(block: number): void;
  barrier(): void;
  barrierAsync(): Promise<void>;
}

/** What the reader loop needs of a reader. */
export interface TortureReader {
  /** Enters a section. */
  lock(): ReadGuard;
  /** How many sections are open. */
  readonly openSections: number;
  /** Whether a section may span an await. */
  readonly sleeps: boolean;
  /** Called between sections; now and then does what the flavour requires of its workers. */
  between(random: Random): void;
  /** Gives up the protection that the flavour extends beyond the end of a section. */
  leave(): void;
  /** Undoes `leave`. */
  comeBack(): void;
  /** Gives the slot back. */
  unregister(): void;
}

/** Creates a domain for readers of a flavour, with budgets so small that they are exhausted. */
export function createDomain(arena: Arena, flavour: Flavour): DomainHandle {
  const options = { readers: 32, maxDeferred: 128, maxDeferredBytes: 64 * 1024 };
  return (flavour === "srcu" ? Srcu : RcuDomain).create(arena, options).handle;
}

/** Attaches a context that drives grace periods. */
export function attachGrace(
  arena: Arena,
  handle: DomainHandle,
): Grace & { gracePeriods(): number } {
  if (handle.kind === "guestmem-rcu") {
    const domain = RcuDomain.attach(arena, handle);
    return {
      startPoll: () => domain.startPoll(),
      poll: (cookie) => domain.poll(cookie),
      synchronize: (options) => domain.synchronize(options),
      synchronizeAsync: () => domain.synchronizeAsync(),
      call: (run) => domain.callRcu(run),
      deferFree: (block) => domain.deferFree(block),
      barrier: () => domain.barrier(),
      barrierAsync: () => domain.barrierAsync(),
      gracePeriods: () => domain.stats().gracePeriods,
    };
  }
  const srcu = Srcu.attach(arena, handle);
  return {
    startPoll: () => srcu.startPoll(),
    poll: (cookie) => srcu.poll(cookie),
    synchronize: (options) => srcu.synchronizeSrcu(options),
    synchronizeAsync: () => srcu.synchronizeSrcuAsync(),
    call: (run) => srcu.callSrcu(run),
    deferFree: (block) => srcu.deferFree(block),
    barrier: () => srcu.srcuBarrier(),
    barrierAsync: () => srcu.srcuBarrierAsync(),
    gracePeriods: () => srcu.stats().gracePeriods,
  };
}

/** Registers a reader. */
export function openReader(arena: Arena, handle: DomainHandle, flavour: Flavour): TortureReader {
  if (flavour === "srcu") {
    const reader = Srcu.attach(arena, handle).register({ label: "srcu reader" });
    return {
      lock: () => reader.lock(),
      get openSections() {
        return reader.openSections;
      },
      sleeps: true,
      between: () => {},
      leave: () => {},
      comeBack: () => {},
      unregister: () => reader.unregister(),
    };
  }
  const domain = RcuDomain.attach(arena, handle);
  if (flavour === "memb") return membReader(domain.register({ label: "memb reader" }));
  return qsbrReader(domain.register({ flavour, label: "qsbr reader" }));
}

function membReader(reader: MembReader): TortureReader {
  return {
    lock: () => reader.lock(),
    get openSections() {
      return reader.openSections;
    },
    sleeps: false,
    between: () => {},
    leave: () => {},
    comeBack: () => {},
    unregister: () => reader.unregister(),
  };
}

function qsbrReader(reader: QsbrReader): TortureReader {
  return {
    lock: () => reader.lock(),
    get openSections() {
      return reader.openSections;
    },
    sleeps: false,
    between: (random) => {
      if (random.once(4)) reader.quiescent();
      if (random.once(64)) {
        reader.offline();
        reader.online();
      }
    },
    leave: () => reader.offline(),
    comeBack: () => reader.online(),
    unregister: () => reader.unregister(),
  };
}
