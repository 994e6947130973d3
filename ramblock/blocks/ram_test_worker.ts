/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { attachAll } from "#tools/testing/attach.ts";
import type { ArenaHandle, ReadGuard } from "@guestmem/rcu";
import type { GuestRamHandle } from "./ram_core.ts";
import { coreOf, GuestRam } from "./guest_ram.ts";
import { RAM } from "../kernel/layouts.ts";

interface Data {
  readonly arena: ArenaHandle;
  readonly ram: GuestRamHandle;
  readonly schedule: SharedArrayBuffer;
  /** How far each worker of a race has come. */
  readonly progress: SharedArrayBuffer;
}

/** The seed's lookup: trusts the MRU word as it is, and stores what it found, on a hit too. */
function seedFind(
  ram: GuestRam,
  guard: ReadGuard,
  address: number,
  pause?: () => void,
): number {
  const { u32 } = coreOf(ram).arena;
  const mru = RAM.mru.at(ram.handle.offset) / 4;
  const holds = (block: number) => {
    const offset = address - ram.offsetOf(block);
    return offset >= 0 && offset < ram.maxLengthOf(block);
  };
  let block = Atomics.load(u32, mru);
  if (block === 0 || !holds(block)) {
    block = ram.first(guard);
    while (block !== 0 && !holds(block)) block = ram.next(guard, block);
  }
  pause?.();
  Atomics.store(u32, mru, block);
  return block;
}

const setup = (data: Data) => {
  const { arena, ram, schedule } = attachAll(data, { ram: GuestRam });
  const reader = ram.domain.register();
  const progress = new Int32Array(data.progress);

  return {
    /** Seed's protocol, reader A: stores its stale block after the writer has cleared the word. */
    seedStoreLate(address: number): void {
      const guard = reader.lock();
      seedFind(ram, guard, address, () => {
        schedule.reach(1);
        schedule.awaitStep(2);
      });
      guard.unlock();
      schedule.reach(3);
    },

    /** The same for the tag: stores by hand what the kernel would, as late. */
    taggedStoreLate(address: number): void {
      const guard = reader.lock();
      const version = ram.version(guard);
      const block = coreOf(ram).kernel.walkBlocks(ram.handle.offset, address) >>> 0;
      schedule.reach(1);
      schedule.awaitStep(2);
      const words = new BigUint64Array(arena.u32.buffer);
      const entry = (BigInt(version) << 32n) | BigInt(block);
      Atomics.store(words, RAM.mru.at(ram.handle.offset) / 8, entry);
      guard.unlock();
      schedule.reach(3);
    },

    /** Reader B: what it finds after that, before and after the block is reclaimed. */
    lookAcrossReclaim(address: number, seed: boolean): number[] {
      schedule.awaitStep(3);
      const guard = reader.lock();
      try {
        const block = seed ? seedFind(ram, guard, address) : ram.find(guard, address);
        // The record may be gone by the second look: what is read is the memory it spoke of.
        const memory = ram.handle.windows[0]!;
        const read = () => block === 0 ? -1 : new Uint8Array(memory.buffer)[address]!;
        const before = read();
        schedule.reach(4);
        schedule.awaitStep(5);
        return [before, read()];
      } finally {
        guard.unlock();
      }
    },

    /** A block's first byte at step 1 and at step 2, in one section. */
    lookTwice(address: number): number[] {
      const guard = reader.lock();
      try {
        const memory = ram.locate(ram.find(guard, address), 0);
        const at = ram.at;
        const before = memory.u8[at]!;
        schedule.reach(1);
        schedule.awaitStep(2);
        return [before, memory.u8[at]!];
      } finally {
        guard.unlock();
      }
    },

    /** Looks up until told to stop, and counts the blocks found; returns those that were not live. */
    torture(me: number, addresses: number[]): string[] {
      const wrong: string[] = [];
      let found = 0;
      while (schedule.step < 1) {
        for (const address of addresses) {
          const guard = reader.lock();
          const block = ram.find(guard, address);
          if (block !== 0) {
            found++;
            const id = ram.idOf(block);
            for (let look = 0; look < 3; look++) {
              const word = ram.locate(block, 0).i32[ram.at / 4];
              if (word !== id) wrong.push(`block ${id} at ${address} holds ${word}`);
            }
          }
          guard.unlock();
        }
        Atomics.store(progress, me, found);
      }
      return wrong;
    },

    /** Attaches a caller's buffer, and reads and writes it. */
    exchange(id: number, buffer: SharedArrayBuffer, address: number, value: number): number {
      const guard = reader.lock();
      ram.attachBuffer(guard, id, buffer, 4096);
      const memory = ram.locate(ram.find(guard, address), 0);
      const old = memory.u8[ram.at]!;
      memory.u8[ram.at] = value;
      guard.unlock();
      return old;
    },

    /** Content of the block of a name, which may have been added after this worker attached. */
    readByName(name: string): { id: number; text: string } {
      const guard = reader.lock();
      const block = ram.findByName(guard, name);
      const bytes = new Uint8Array(5);
      ram.read(guard, ram.offsetOf(block), bytes);
      guard.unlock();
      return { id: ram.idOf(block), text: new TextDecoder().decode(bytes) };
    },

    /** Marks each page of a range once, as fast as the test hands them out in word 8. */
    markPages(me: number, first: number, count: number): void {
      for (let done = 0; done < count; done++) {
        while (Atomics.load(progress, 8) <= done) {
          if (schedule.step > 0) return;
        }
        const guard = reader.lock();
        ram.dirty.mark(guard, (first + done) * 4096, 0b100);
        guard.unlock();
        Atomics.store(progress, me, done + 1);
      }
    },

    /** Marks a page when it is told to. */
    markAt(step: number, page: number): void {
      schedule.awaitStep(step);
      const guard = reader.lock();
      ram.dirty.mark(guard, page * 4096, 0b100);
      guard.unlock();
      schedule.reach(step + 1);
    },

    /** Writes rising numbers to a page's first word and marks it, until told to stop; the last. */
    writeAndMark(me: number, page: number): number {
      let value = 0;
      while (schedule.step < 1) {
        const guard = reader.lock();
        const memory = ram.locate(ram.find(guard, page * 4096), page * 4096);
        memory.i32[ram.at / 4] = ++value;
        ram.dirty.mark(guard, page * 4096, 0b100);
        guard.unlock();
        Atomics.store(progress, me, value);
      }
      return value;
    },
  };
};
export type Setup = typeof setup;
serve(setup);
