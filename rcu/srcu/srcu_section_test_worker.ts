/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import {
  Arena,
  type ArenaHandle,
  type DomainHandle,
  type MembReader,
  RcuDomain,
  RcuPointer,
  Srcu,
  type SrcuReader,
} from "@guestmem/rcu";

/** What every worker of the bench is given. */
interface Data {
  readonly arena: ArenaHandle;
  readonly rcu: DomainHandle;
  readonly srcu: DomainHandle;
  /** Offset of the pointer's cell. */
  readonly cell: number;
  /** Offset of a zeroed block that the loop without SRCU uses. */
  readonly counts: number;
}

// The loops are functions that are called again and again: see rcu/domain/read_section_test_worker.ts.

function sections(reader: SrcuReader | MembReader, pointer: RcuPointer, u32: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < 1000; i++) {
    const guard = reader.lock();
    sum = (sum + u32[pointer.dereference(guard) >>> 2]!) | 0;
    guard.unlock();
  }
  return sum;
}

/** SRCU's accesses, without its checks for misuse and eviction. */
function atomicSections(u32: Uint32Array, cell: number, sequence: number, own: number): number {
  let sum = 0;
  for (let i = 0; i < 1000; i++) {
    const index = ((Atomics.load(u32, sequence) + 2) >>> 2) & 1;
    Atomics.add(u32, own + index, 1);
    sum = (sum + u32[Atomics.load(u32, cell) >>> 2]!) | 0;
    Atomics.sub(u32, own + index, 1);
    if (Atomics.load(u32, own + 2) !== 0) throw new Error("nobody waits");
  }
  return sum;
}

/** A worker runs one of these only, so that each call site has seen one target. */
const setup = (data: Data) => {
  const arena = Arena.attach(data.arena);
  const { u32 } = arena;
  const pointer = RcuPointer.attach(arena, data.cell);
  const [cell, counts] = [data.cell >>> 2, data.counts >>> 2];
  const readers = {
    srcu: () => Srcu.attach(arena, data.srcu).register(),
    memb: () => RcuDomain.attach(arena, data.rcu).register(),
  };
  let reader: SrcuReader | MembReader | undefined;
  return {
    read(flavour: keyof typeof readers, total: number): number {
      reader ??= readers[flavour]();
      let sum = 0;
      for (let done = 0; done < total; done += 1000) sum += sections(reader, pointer, u32);
      return sum;
    },
    atomics(total: number): number {
      let sum = 0;
      for (let done = 0; done < total; done += 1000) {
        sum += atomicSections(u32, cell, counts, counts + 16);
      }
      return sum;
    },
  };
};

export type Setup = typeof setup;
serve(setup);
