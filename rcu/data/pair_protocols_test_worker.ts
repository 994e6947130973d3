/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import {
  Arena,
  type ArenaHandle,
  type DomainHandle,
  RcuDomain,
  RcuPair,
  RcuPointer,
  type ReadGuard,
} from "@guestmem/rcu";
import type { Kernel } from "@guestmem/rcu/internal";
import { instantiateKernel } from "../kernel/kernel.ts";

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

function cached(section: ReadGuard, pointer: RcuPointer, u32: Uint32Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const struct = pointer.dereference(section);
    if (struct !== cache.struct) {
      cache.struct = struct;
      cache.root = u32[struct >>> 2]!;
    }
    sum = (sum + cache.root + u32[(struct >>> 2) + 1]!) | 0;
  }
  return sum;
}

function struct(section: ReadGuard, pointer: RcuPointer, u32: Uint32Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const at = pointer.dereference(section) >>> 2;
    sum = (sum + u32[at]! + u32[at + 1]!) | 0;
  }
  return sum;
}

function pairs(section: ReadGuard, pair: RcuPair, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum + pair.load(section) + pair.second) | 0;
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
  const arena = Arena.attach(data.arena);
  const { u32 } = arena;
  const kernel = instantiateKernel(arena.memory);
  const domain = RcuDomain.attach(arena, data.domain);
  const pair = RcuPair.attach(arena, data.pair);
  const pointer = RcuPointer.attach(arena, data.struct);
  const words = { root: data.words, table: data.words + 64, next: data.words + 128 };
  const reader = domain.register();

  const loops = {
    rereadTable: (_: ReadGuard, n: number) => rereadTable(kernel, words, n),
    announced: (_: ReadGuard, n: number) => announced(kernel, words, n),
    cached: (section: ReadGuard, n: number) => cached(section, pointer, u32, n),
    corrected: (_: ReadGuard, n: number) => corrected(kernel, words, n),
    pairs: (section: ReadGuard, n: number) => pairs(section, pair, n),
    struct: (section: ReadGuard, n: number) => struct(section, pointer, u32, n),
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
        const section = reader.lock();
        sum += loops[name](section, 1000);
        section.unlock();
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
