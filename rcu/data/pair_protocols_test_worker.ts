/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import {
  type ArenaHandle,
  type DomainHandle,
  type RcuDomain,
  RcuPair,
  RcuPointer,
  type ReadGuard,
} from "@guestmem/rcu";
import { instantiateKernel, type Kernel } from "@guestmem/rcu/internal";

/** What every worker of the bench is given. */
interface Data {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  /** Offset of a block of three words, 64 bytes apart: root, table, and the announced table. */
  readonly words: number;
  /** Offset of a pair. */
  readonly pair: number;
  /** Offset of the cell that points at a struct of two words. */
  readonly struct: number;
}

/** Offsets of the three words. */
interface Words {
  readonly root: number;
  readonly table: number;
  readonly next: number;
}

// The loops are functions that are called again and again: see rcu/domain/read_section_test_worker.ts.

function rereadTable(kernel: Kernel, { root, table }: Words, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (;;) {
      const first = kernel.load32(table);
      const found = kernel.load32(root);
      if (kernel.load32(table) !== first) continue;
      sum = (sum + first + found) | 0;
      break;
    }
  }
  return sum;
}

function announced(kernel: Kernel, { root, table, next }: Words, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (;;) {
      const first = kernel.load32(table);
      const found = kernel.load32(root);
      if (kernel.load32(next) === first) continue;
      sum = (sum + first + found) | 0;
      break;
    }
  }
  return sum;
}

function corrected(kernel: Kernel, { root, table, next }: Words, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (;;) {
      const first = kernel.load32(table);
      if (kernel.load32(next) === first) continue;
      const found = kernel.load32(root);
      if (kernel.load32(table) !== first) continue;
      sum = (sum + first + found) | 0;
      break;
    }
  }
  return sum;
}

/** What a reader keeps across its sections: the root of the struct that it saw last. */
const cache = { struct: 0, root: 0 };

function cached(guard: ReadGuard, pointer: RcuPointer, u32: Uint32Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const struct = pointer.dereference(guard);
    if (struct !== cache.struct) {
      cache.struct = struct;
      cache.root = u32[struct >>> 2]!;
    }
    sum = (sum + cache.root + u32[(struct >>> 2) + 1]!) | 0;
  }
  return sum;
}

function struct(guard: ReadGuard, pointer: RcuPointer, u32: Uint32Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const at = pointer.dereference(guard) >>> 2;
    sum = (sum + u32[at]! + u32[at + 1]!) | 0;
  }
  return sum;
}

function pairs(guard: ReadGuard, pair: RcuPair, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum + pair.load(guard) + pair.second) | 0;
  return sum;
}

function storeTwo(kernel: Kernel, { root, table }: Words, n: number): number {
  for (let i = 1; i <= n; i++) {
    kernel.store32(root, i);
    kernel.store32(table, i);
  }
  return n;
}

function storeAnnounced(kernel: Kernel, { root, table, next }: Words, n: number): number {
  for (let i = 1; i <= n; i++) {
    kernel.store32(next, i);
    kernel.store32(table, i);
    kernel.store32(root, i);
    kernel.store32(next, 0);
  }
  return n;
}

function publishPairs(pair: RcuPair, n: number): number {
  for (let i = 1; i <= n; i++) pair.publish(i, i);
  return n;
}

function publishStructs(domain: RcuDomain, pointer: RcuPointer, n: number): number {
  const { arena } = domain;
  for (let i = 1; i <= n; i++) {
    const block = arena.allocate(8);
    arena.u32.fill(i, block >>> 2, (block >>> 2) + 2);
    domain.deferFree(pointer.exchange(block));
  }
  return n;
}

/** A worker runs one of these only, so that each call site has seen one target. */
const setup = (data: Data) => {
  const { arena, domain, pair } = attachAll(data, { pair: RcuPair });
  const { u32 } = arena;
  const kernel = instantiateKernel(arena.memory);
  const pointer = RcuPointer.attach(arena, data.struct);
  const words = { root: data.words, table: data.words + 64, next: data.words + 128 };
  const reader = domain.register();

  const loops = {
    rereadTable: (_: ReadGuard, n: number) => rereadTable(kernel, words, n),
    announced: (_: ReadGuard, n: number) => announced(kernel, words, n),
    cached: (guard: ReadGuard, n: number) => cached(guard, pointer, u32, n),
    corrected: (_: ReadGuard, n: number) => corrected(kernel, words, n),
    pairs: (guard: ReadGuard, n: number) => pairs(guard, pair, n),
    struct: (guard: ReadGuard, n: number) => struct(guard, pointer, u32, n),
  };
  const stores = {
    storeTwo: (n: number) => storeTwo(kernel, words, n),
    storeAnnounced: (n: number) => storeAnnounced(kernel, words, n),
    publishPairs: (n: number) => publishPairs(pair, n),
    publishStructs: (n: number) => publishStructs(domain, pointer, n),
  };

  return {
    /** Loads a pair `total` times, a thousand of them in each section. */
    load(name: keyof typeof loops, total: number): number {
      let sum = 0;
      for (let done = 0; done < total; done += 1000) {
        const guard = reader.lock();
        sum += loops[name](guard, 1000);
        guard.unlock();
      }
      return sum;
    },
    /** Publishes a pair `total` times. */
    store(name: keyof typeof stores, total: number): number {
      let sum = 0;
      for (let done = 0; done < total; done += 1000) sum += stores[name](1000);
      return sum;
    },
  };
};

export type Setup = typeof setup;
serve(setup);
