/**
 * A worker dies at each store of each operation: a store that throws stands for the death, repair
 * runs as the next holder of the lock runs it, and every block must be accounted for.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { RcuError } from "../errors/rcu_error.ts";
import { BLOCK, BLOCK_HEADER, sizeOf, State, stateOf } from "./block.ts";
import { geometryOf, HEADER_BYTES, PAGE_BYTES } from "./header.ts";
import { Heap } from "./heap.ts";
import {
  deferBlock,
  deferredBlocks,
  LIMBO,
  registerLimbo,
  shiftWaiting,
  startBatch,
  unregisterLimbo,
} from "./limbo.ts";
import { POISON, quarantine, releaseOldest } from "./quarantine.ts";
import { repair, verify } from "./repair.ts";
import { Store } from "./store.ts";

const LAYOUT = geometryOf(PAGE_BYTES, 1);
const DEAD = 7;

class Death extends Error {}

/** A store that dies before its n-th write. A fill counts twice, so that one dies half-done. */
class MortalStore extends Store {
  left = Infinity;

  override put(index: number, value: number): void {
    this.#live();
    super.put(index, value);
  }

  override commit(index: number, value: number): void {
    this.#live();
    super.commit(index, value);
  }

  override fill(from: number, to: number, value: number): void {
    this.#live();
    const middle = from + Math.floor((to - from) / 8) * 4;
    super.fill(from, middle, value);
    this.#live();
    super.fill(middle, to, value);
  }

  override fillBytes(from: number, to: number, value: number): void {
    this.#live();
    super.fillBytes(from, to, value);
  }

  #live(): void {
    if (--this.left < 0) throw new Death();
  }
}

interface Bench {
  store: MortalStore;
  heap: Heap;
  /** Header of the block that holds the limbo record. */
  home: number;
  limbo: number;
}

function bench(): Bench {
  const store = new MortalStore(new SharedArrayBuffer(PAGE_BYTES));
  const heap = new Heap(store, LAYOUT, (token) => ({ token, label: "" }));
  heap.format();
  const home = heap.allocate(LIMBO.size, LIMBO.size, 16, 1);
  const limbo = home + BLOCK_HEADER;
  registerLimbo(store, limbo);
  return { store, heap, home, limbo };
}

/** Allocates a block that its contents identify. */
function make(bench: Bench, bytes: number): number {
  const block = bench.heap.allocate(bytes, bytes, 16, 1);
  assert(block !== 0);
  bench.store.fill(block + BLOCK_HEADER, block + BLOCK_HEADER + bytes, block);
  return block;
}

/** Blocks in a state, by walking the headers. */
function blocksIn(heap: Heap, wanted: number): number[] {
  const found: number[] = [];
  const { u32 } = heap.store;
  for (let block = LAYOUT.heapStart; block < LAYOUT.heapEnd; block += sizeOf(u32, block)) {
    if (stateOf(u32, block) === wanted) found.push(block);
  }
  return found;
}

interface Scenario {
  /** Prepares the heap; returns the blocks that must be live and intact whatever happens. */
  prepare(bench: Bench): number[];
  /** What the worker does when it dies. */
  act(bench: Bench): void;
  /** What may have become of the blocks that `act` touches. */
  check(bench: Bench): void;
}

/** Runs a scenario once for each store of its action; returns how many there were. */
function dieEverywhere({ prepare, act, check }: Scenario): number {
  for (let stores = 0;; stores++) {
    const subject = bench();
    const kept = prepare(subject);
    verify(subject.heap);
    subject.store.left = stores;
    let died = true;
    try {
      act(subject);
      died = false;
    } catch (error) {
      if (!(error instanceof Death)) throw error;
    }
    subject.store.left = Infinity;
    if (!died) verify(subject.heap);
    repair(subject.heap);
    verify(subject.heap);
    assertIntact(subject, kept);
    check(subject);
    exhaustAndRestore(subject);
    if (!died) return stores;
  }
}

/** Each block is live, and holds what `make` wrote. */
function assertIntact({ heap, store }: Bench, blocks: number[]): void {
  const live = new Set(blocksIn(heap, State.LIVE));
  for (const block of blocks) {
    assert(live.has(block), `block ${block} was lost`);
    const end = block + BLOCK_HEADER + BLOCK.requested.get(store.u32, block);
    for (let byte = block + BLOCK_HEADER; byte < end; byte += 4) {
      assertEquals(store.u32[byte / 4], block, `block ${block} was overwritten`);
    }
  }
}

/** The repaired heap works: everything free can be allocated, zeroed, and given back. */
function exhaustAndRestore({ heap, store }: Bench): void {
  const before = blocksIn(heap, State.FREE).map((block) => [block, sizeOf(store.u32, block)]);
  const taken: number[] = [];
  for (
    let block = heap.allocate(16, 16, 16, 2);
    block !== 0;
    block = heap.allocate(16, 16, 16, 2)
  ) {
    assertEquals(store.u32[block / 4 + 8], 0, "a block is not zeroed");
    taken.push(block);
  }
  assertEquals(blocksIn(heap, State.FREE), []);
  verify(heap);
  for (const block of taken) heap.release(block, 2);
  verify(heap);
  const after = blocksIn(heap, State.FREE).map((block) => [block, sizeOf(store.u32, block)]);
  assertEquals(after, before, "not all that was allocated came back");
}

/** What `act` may leave: nothing, or one more live block than before. */
function atMostOneMore(bench: Bench, kept: number): void {
  const extra = blocksIn(bench.heap, State.LIVE).length - 1 - kept;
  assert(extra === 0 || extra === 1, `${extra} blocks too many`);
}

Deno.test("a worker that dies in an allocation leaves a free block or a live one", () => {
  const steps = dieEverywhere({
    prepare: (b) => [make(b, 100), make(b, 40)],
    act: (b) => void b.heap.allocate(1000, 1000, 16, DEAD),
    check: (b) => atMostOneMore(b, 2),
  });
  assert(steps > 20, `only ${steps} steps were tried`);
});

Deno.test("an allocation that takes a whole block, with a canary", () => {
  dieEverywhere({
    prepare: (b) => {
      const [first, hole, last] = [make(b, 100), make(b, 64), make(b, 40)];
      b.heap.release(hole!, 1);
      return [first!, last!];
    },
    act: (b) => void b.heap.allocate(60, 52, 16, DEAD),
    check: (b) => atMostOneMore(b, 2),
  });
});

Deno.test("an allocation that splits a block at both ends for its alignment", () => {
  dieEverywhere({
    prepare: (b) => [make(b, 100)],
    act: (b) => {
      const block = b.heap.allocate(1000, 1000, 4096, DEAD);
      assertEquals((block + BLOCK_HEADER) % 4096, 0);
    },
    check: (b) => atMostOneMore(b, 1),
  });
});

for (const [before, after] of [[false, false], [true, false], [false, true], [true, true]]) {
  const name = `free with ${before ? "a free" : "a live"} block before and ` +
    `${after ? "a free" : "a live"} one behind`;
  Deno.test(`a worker that dies in a ${name}`, () => {
    let victim = 0;
    dieEverywhere({
      prepare: (b) => {
        const blocks = [100, 200, 300, 400, 500].map((bytes) => make(b, bytes));
        victim = blocks[2]!;
        if (before) b.heap.release(blocks[1]!, 1);
        if (after) b.heap.release(blocks[3]!, 1);
        return blocks.filter((_, index) =>
          index !== 2 && !(before && index === 1) && !(after && index === 3)
        );
      },
      act: (b) => b.heap.release(victim, DEAD),
      check: (b) => {
        const live = blocksIn(b.heap, State.LIVE).length;
        const others = 5 - (before ? 1 : 0) - (after ? 1 : 0);
        assert(live === others || live === others + 1, `${live} live blocks`);
      },
    });
  });
}

Deno.test("a worker that dies while it defers a block leaves it live or in limbo", () => {
  let victim = 0;
  dieEverywhere({
    prepare: (b) => {
      const kept = [make(b, 100), make(b, 40)];
      for (let count = 0; count < 3; count++) deferBlock(b.heap, make(b, 64), b.limbo, 1);
      victim = make(b, 80);
      return kept;
    },
    act: (b) => deferBlock(b.heap, victim, b.limbo, DEAD),
    check: (b) => {
      const deferred = deferredBlocks(b.store.u32, b.limbo);
      const state = stateOf(b.store.u32, victim);
      assertEquals(deferred.includes(victim + BLOCK_HEADER), state === State.DEFERRED);
      assert(state === State.LIVE || state === State.DEFERRED);
      assertEquals(deferred.length, state === State.DEFERRED ? 4 : 3);
    },
  });
});

Deno.test("a worker that dies while it starts a batch loses no block", () => {
  dieEverywhere({
    prepare: (b) => {
      for (let count = 0; count < 3; count++) deferBlock(b.heap, make(b, 64), b.limbo, 1);
      return [];
    },
    act: (b) => assert(startBatch(b.store, b.limbo, 2 ** 40 + 5)),
    check: (b) => {
      assertEquals(deferredBlocks(b.store.u32, b.limbo).length, 3);
      assertEquals(b.store.u32[LIMBO.waitHead.index(b.limbo)], 0, "the cookie must be fresh");
    },
  });
});

Deno.test("a worker that dies while it frees a batch frees each block once or leaves it", () => {
  let victims: number[] = [];
  dieEverywhere({
    prepare: (b) => {
      const kept: number[] = [];
      victims = [];
      for (let count = 0; count < 3; count++) {
        victims.push(make(b, 64));
        if (count !== 1) kept.push(make(b, 48));
      }
      for (const block of victims) deferBlock(b.heap, block, b.limbo, 1);
      startBatch(b.store, b.limbo, 1);
      return kept;
    },
    act: (b) => {
      for (
        let block = shiftWaiting(b.store, b.limbo);
        block;
        block = shiftWaiting(b.store, b.limbo)
      ) {
        b.heap.release(block, 0);
      }
    },
    check: (b) => {
      const deferred = blocksIn(b.heap, State.DEFERRED);
      assertEquals(
        deferred.map((block) => block + BLOCK_HEADER),
        deferredBlocks(b.store.u32, b.limbo),
      );
      // First in, first out: what is left is a tail of what was deferred.
      assertEquals(deferred, victims.slice(victims.length - deferred.length));
      assertEquals(blocksIn(b.heap, State.LIVE).length, 3);
    },
  });
});

Deno.test("a worker that dies while it quarantines a block leaves it live, or poisoned", () => {
  let victim = 0;
  dieEverywhere({
    prepare: (b) => {
      quarantine(b.heap, make(b, 64), 1);
      victim = make(b, 80);
      return [make(b, 16)];
    },
    act: (b) => quarantine(b.heap, victim, DEAD),
    check: (b) => {
      const state = stateOf(b.store.u32, victim);
      assert(state === State.LIVE || state === State.QUARANTINED);
      for (let word = 8; word < sizeOf(b.store.u32, victim) / 4; word++) {
        assertEquals(b.store.u32[victim / 4 + word], state === State.LIVE ? victim : POISON);
      }
      while (releaseOldest(b.heap));
      verify(b.heap);
    },
  });
});

Deno.test("a worker that dies while it frees from the quarantine", () => {
  dieEverywhere({
    prepare: (b) => {
      for (let count = 0; count < 2; count++) quarantine(b.heap, make(b, 64), 1);
      return [make(b, 16)];
    },
    act: (b) => {
      while (releaseOldest(b.heap));
    },
    check: (b) => assertEquals(blocksIn(b.heap, State.LIVE).length, 2),
  });
});

Deno.test("a worker that dies while it registers or gives up a limbo record", () => {
  dieEverywhere({
    prepare: (b) => {
      deferBlock(b.heap, make(b, 64), b.limbo, 1);
      return [];
    },
    act: (b) => {
      const record = b.heap.allocate(LIMBO.size, LIMBO.size, 16, DEAD) + BLOCK_HEADER;
      registerLimbo(b.store, record);
      unregisterLimbo(b.store, record);
    },
    check: (b) => assertEquals(deferredBlocks(b.store.u32, b.limbo).length, 1),
  });
});

Deno.test("a worker that dies while it repairs: the next one repairs again", () => {
  dieEverywhere({
    prepare: (b) => {
      const kept = [make(b, 100), make(b, 40)];
      const holes = [make(b, 64), make(b, 64), make(b, 64)];
      for (let count = 0; count < 2; count++) deferBlock(b.heap, make(b, 64), b.limbo, 1);
      quarantine(b.heap, make(b, 64), 1);
      b.heap.release(holes[0]!, 1);
      b.heap.release(holes[2]!, 1);
      return kept;
    },
    act: (b) => {
      // A first death: the block between two free ones was being allocated.
      const hole = blocksIn(b.heap, State.LIVE)[3]!;
      b.store.commit(BLOCK.tag.index(hole), sizeOf(b.store.u32, hole) + State.PENDING);
      repair(b.heap);
    },
    check: (b) => {
      assertEquals(deferredBlocks(b.store.u32, b.limbo).length, 2);
      assertEquals(blocksIn(b.heap, State.QUARANTINED).length, 1);
      const live = blocksIn(b.heap, State.LIVE).length;
      assert(live === 3 || live === 4, `${live} live blocks`);
    },
  });
});

Deno.test("the test sees a commit that comes too early", () => {
  // Planted: a split that shortens the block before the header of the rest is written.
  class Hasty extends MortalStore {
    override put(index: number, value: number): void {
      if ((value & 15) === State.FREE && this.left < 100) this.hidden = [index, value];
      else super.put(index, value);
    }
    hidden: [number, number] = [0, 0];
    override commit(index: number, value: number): void {
      super.commit(index, value);
      if (this.hidden[0]) super.put(...this.hidden);
      this.hidden = [0, 0];
    }
  }
  const caught = assertThrows(() => {
    for (let stores = 0; stores < 60; stores++) {
      const store = new Hasty(new SharedArrayBuffer(PAGE_BYTES));
      const heap = new Heap(store, LAYOUT, (token) => ({ token, label: "" }));
      heap.format();
      store.left = stores;
      try {
        heap.allocate(100, 100, 16, DEAD);
      } catch (error) {
        if (!(error instanceof Death)) throw error;
      }
      store.left = Infinity;
      repair(heap);
    }
  }, RcuError);
  assert(caught.details["offset"] >= LAYOUT.heapStart);
});

Deno.test("repair refuses a header that no allocator wrote, and changes nothing", () => {
  const subject = bench();
  const block = make(subject, 100);
  subject.store.put(BLOCK.tag.index(block), 0xffffffff);
  const before = subject.store.u8.slice();
  assertEquals(assertThrows(() => repair(subject.heap), RcuError).code, "ARENA_CORRUPT");
  assertEquals(subject.store.u8.slice(), before);
});

Deno.test("verify finds each kind of damage", () => {
  const damages: [string, (b: Bench, block: number) => void][] = [
    ["previous size", (b, block) => b.store.put(BLOCK.previousSize.index(block), 16)],
    ["bitmap misses", (b, block) => b.heap.starts.clear(block)],
    ["bitmap has marks", (b, block) => b.heap.starts.set(block + 16)],
    ["pending", (b, block) => b.store.put(BLOCK.tag.index(block), sizeOf(b.store.u32, block) + 2)],
    ["byte counter", (b) => b.heap.count(State.LIVE, 16, 1)],
    ["in no bin", (b) => b.heap.bins.reset()],
    ["side by side", (b) => {
      const last = blocksIn(b.heap, State.FREE)[0]!;
      const size = sizeOf(b.store.u32, last);
      b.store.put(BLOCK.tag.index(last + 64), size - 64 + State.FREE);
      b.store.put(BLOCK.previousSize.index(last + 64), 64);
      b.store.put(BLOCK.tag.index(last), 64 + State.FREE);
      b.heap.starts.set(last + 64);
    }],
    ["queue", (b) => b.heap.turn(make(b, 16), State.QUARANTINED)],
    ["no limbo record", (b) => b.heap.turn(make(b, 16), State.DEFERRED)],
    ["count of a limbo", (b) => b.store.put(LIMBO.count.index(b.limbo), 5)],
  ];
  for (const [message, damage] of damages) {
    const subject = bench();
    const block = make(subject, 100);
    make(subject, 20);
    verify(subject.heap);
    damage(subject, block);
    assertThrows(() => verify(subject.heap), RcuError, message);
  }
});

Deno.test("the header has room for its words", () => {
  // The bins are the last words; a bin too many would run into the context table.
  assert(LAYOUT.contextsAt === HEADER_BYTES);
  const { store } = bench();
  assertEquals(store.u32.slice(449, HEADER_BYTES / 4).every((word) => word === 0), true);
});
