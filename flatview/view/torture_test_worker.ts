/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { attachAll } from "#tools/testing/attach.ts";
import type { ArenaHandle, DomainHandle, ReadGuard } from "@guestmem/rcu";
import { faults, type Look, type TortureIds } from "../model/torture_map.ts";
import type { AddressSpaceHandle } from "./address_space.ts";
import { AddressSpaceReader, type HeldView } from "./address_space_reader.ts";

/** What a reader is given. */
export interface ReaderData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly space: AddressSpaceHandle;
  readonly ids: TortureIds;
  /** Word 0: stop; word 1: sections read; from word 2 on: devices that are finalised, by id. */
  readonly shared: SharedArrayBuffer;
  readonly schedule: SharedArrayBuffer;
}

const setup = (data: ReaderData) => {
  const { arena, domain, schedule, space } = attachAll(data, { space: AddressSpaceReader });
  const reader = domain.register();
  const shared = new Int32Array(data.shared);
  const isFinalised = (id: number) => Atomics.load(shared, 2 + id) !== 0;
  let held: HeldView | null = null;

  const lookIn = (view: number): Look => (address) => {
    const row = space.lookupIn(view, address);
    const region = space.region(row);
    return { region, flags: space.flags(row), offset: space.offset(row, address) };
  };
  const check = (guard: ReadGuard) => faults(lookIn(space.view(guard)), data.ids, isFinalised);

  return {
    /** Reads until told to stop; gives the faults. */
    read(): string[] {
      const found = new Set<string>();
      while (Atomics.load(shared, 0) === 0) {
        const guard = reader.lock();
        for (const fault of check(guard)) found.add(fault);
        guard.unlock();
        Atomics.add(shared, 1, 1);
      }
      return [...found];
    },
    /** The faults of one section. */
    readOnce(): string[] {
      const guard = reader.lock();
      const found = check(guard);
      guard.unlock();
      return found;
    },
    /** Loads the view, lets the control context go on, then reads in it. */
    readLate(): string[] {
      const guard = reader.lock();
      const view = space.view(guard);
      schedule.reach(1);
      schedule.awaitStep(2);
      try {
        return faults(lookIn(view), data.ids, isFinalised);
      } finally {
        guard.unlock();
      }
    },
    /** Enters a section, lets the control context go on, then loads the view and looks an address up. */
    lookLate(address: number): number {
      const guard = reader.lock();
      schedule.reach(1);
      schedule.awaitStep(2);
      const region = space.region(space.lookup(guard, address));
      guard.unlock();
      return region;
    },
    /** Holds the view that is published now. */
    hold(): number {
      const guard = reader.lock();
      held = space.hold(guard);
      guard.unlock();
      return held.view;
    },
    /** The faults of the held view, outside any section. */
    readHeld(): string[] {
      return faults(lookIn(held!.view), data.ids, isFinalised);
    },
    release(): void {
      held!.release();
      held = null;
    },
    leave(): void {
      reader.unregister();
      arena.close();
    },
  };
};
export type Setup = typeof setup;
serve(setup);
