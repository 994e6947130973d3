/** Values that are published as one, read whole, and decoded once for each version. */

import { rounds } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  ArenaExhaustedError,
  RcuDomain,
  RcuError,
  RcuPointer,
  RcuValue,
  type ValueCodec,
} from "../mod.ts";
import { READY, STOP } from "../testdata/shared_words.ts";
import type { Setup } from "./rcu_value_test_worker.ts";

function create() {
  const arena = Arena.create({ bytes: 1 << 18 });
  const domain = RcuDomain.create(arena, { maxDeferred: 64 });
  return { arena, domain, reader: domain.register() };
}

function blocksOf(arena: Arena): number {
  return arena.stats().liveBlocks;
}

/** Bytes as they are. */
const BYTES: ValueCodec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes };

Deno.test("a value is read as it was published, by all who attach", () => {
  const { arena, domain, reader } = create();
  const value = RcuValue.create(arena, { name: "first", list: [1, { deep: true }] });
  const other = RcuValue.attach<unknown>(Arena.attach(arena.handle), value.offset);
  assertEquals(other.read(reader), { name: "first", list: [1, { deep: true }] });
  value.publish({ name: "secönd", list: [] }, domain);
  assertEquals(other.read(reader), { name: "secönd", list: [] });
  assertEquals(value.read(reader), { name: "secönd", list: [] });
});

Deno.test("a version is decoded once, and what JSON gives is frozen through and through", () => {
  const { arena, domain, reader } = create();
  const value = RcuValue.create(arena, { list: [{ x: 1 }] });
  const first = value.read(reader);
  assert(value.read(reader) === first);
  assertThrows(() => first.list[0]!.x = 2, TypeError);
  value.publish({ list: [{ x: 3 }] }, domain);
  assert(value.read(reader) !== first);
  assertEquals(first.list[0]!.x, 1, "what was read stays valid");
});

Deno.test("a read of the version read last enters no section", () => {
  const { arena, reader } = create();
  const value = RcuValue.create(arena, 1);
  value.read(reader);
  assertEquals(value.read({ openSections: 0, lock: () => assert(false) as never }), 1);
});

Deno.test("bytes are a private copy", () => {
  const { arena, domain, reader } = create();
  const value = RcuValue.create(arena, Uint8Array.of(1, 2, 3), BYTES);
  const copy = value.read(reader);
  copy[0] = 9;
  const other = RcuValue.attach(arena, value.offset, BYTES);
  assertEquals(other.read(reader), Uint8Array.of(1, 2, 3));
  value.publish(new Uint8Array(), domain);
  assertEquals(other.read(reader), new Uint8Array());
});

Deno.test("what cannot be written is not published, and takes nothing", () => {
  const { arena, domain, reader } = create();
  const value = RcuValue.create<unknown>(arena, "kept");
  const before = blocksOf(arena);
  assertThrows(
    () => value.publish(undefined, domain),
    TypeError,
    "a value that JSON has no text for",
  );
  assertThrows(() => value.publish(new Array(300_000).fill(0), domain), ArenaExhaustedError);
  assertThrows(() => RcuValue.create(arena, undefined), TypeError);
  assertEquals(blocksOf(arena), before);
  assertEquals(value.read(reader), "kept");
});

Deno.test("a codec that throws leaves the section, and is asked again", () => {
  const { arena, reader } = create();
  let fails = true;
  const codec: ValueCodec<number> = {
    encode: (value) => Uint8Array.of(value),
    decode(bytes) {
      if (fails) throw new RangeError("planted");
      return bytes[0]!;
    },
  };
  const value = RcuValue.create(arena, 7, codec);
  assertThrows(() => value.read(reader), RangeError, "planted");
  assertEquals(reader.openSections, 0);
  fails = false;
  assertEquals(value.read(reader), 7);
});

Deno.test("all blocks come back", () => {
  const { arena, domain } = create();
  const before = blocksOf(arena);
  const value = RcuValue.create(arena, 0);
  for (let published = 1; published < 200; published++) value.publish(published, domain);
  domain.barrier();
  assertEquals(blocksOf(arena), before + 2);
  value.destroy();
  assertEquals(blocksOf(arena), before);
  arena.checkHeap();
});

Deno.test("a version that is deferred too late is deferred with the next one", () => {
  const { arena, reader } = create();
  const value = RcuValue.create(arena, 0);
  const deferred: number[] = [];
  const full = RcuDomain.create(arena, { maxDeferred: 1 });
  const guard = full.register().lock();
  full.deferFree(arena.allocate(16));
  const refusal = assertThrows(() => withoutBlocking(() => full.deferFree(arena.allocate(16))));
  guard.unlock();
  value.publish(1, {
    deferFree() {
      throw refusal;
    },
  });
  value.publish(2, { deferFree: (block) => deferred.push(block) });
  assertEquals(deferred.length, 2);
  assertEquals(value.read(reader), 2);
});

/** Runs where blocking is forbidden, as on a browser's main thread. */
function withoutBlocking(run: () => void): void {
  const { wait } = Atomics;
  Atomics.wait = () => {
    throw new TypeError("Atomics.wait cannot be called in this context");
  };
  try {
    run();
  } finally {
    Atomics.wait = wait;
  }
}

Deno.test("a value has 2^36 versions, and none twice", () => {
  const { arena, domain, reader } = create();
  const value = RcuValue.create(arena, "first");
  const cells = new BigUint64Array(arena.memory.buffer);
  const block = cells[value.offset / 8]! & (1n << 28n) - 1n;
  cells[value.offset / 8] = (1n << 36n) - 2n << 28n | block;
  value.publish("last", domain);
  const before = blocksOf(arena);
  const error = assertThrows(() => value.publish("one more", domain), RcuError);
  assertEquals(error.code, "VERSION_LIMIT");
  assertEquals(blocksOf(arena), before);
  assertEquals(value.read(reader), "last");
});

/** A value as it would be if a decoded version were known by its block. */
class StaleValue {
  #block = 0;
  #decoded: unknown;
  constructor(readonly arena: Arena, readonly pointer: RcuPointer) {}
  read(): unknown {
    const block = this.pointer.dereference({ open: true } as never);
    if (block !== this.#block) {
      const length = this.arena.u32[block / 4]!;
      const bytes = this.arena.u8.slice(block + 4, block + 4 + length);
      this.#decoded = JSON.parse(new TextDecoder().decode(bytes));
      this.#block = block;
    }
    return this.#decoded;
  }
}

Deno.test("a block that is used again is not mistaken for the version that it held", () => {
  const { arena, domain, reader } = create();
  const value = RcuValue.create(arena, 0);
  const pointer = RcuPointer.create(arena);
  const stale = new StaleValue(arena, pointer);
  const isStale: Record<"ours" | "planted", number> = { ours: 0, planted: 0 };
  const blocks = new Set<number>();
  for (let round = 1; round <= 100; round++) {
    value.publish(round, domain);
    const word = new BigUint64Array(arena.memory.buffer)[value.offset / 8]!;
    const block = Number(word & (1n << 28n) - 1n) * 16;
    blocks.add(block);
    pointer.publish(block);
    if (value.read(reader) !== round) isStale.ours++;
    // It looks seldom enough for a block to come back.
    if (round % 4 === 0 && stale.read() !== round) isStale.planted++;
    domain.barrier();
  }
  assert(blocks.size < 20, "blocks are used again");
  assertEquals(isStale.ours, 0);
  assert(isStale.planted > 0, "the plant is caught");
});

Deno.test("raced: readers see whole versions in order, whoever publishes", () =>
  withWorkers(async (workers) => {
    const { arena, domain } = create();
    const value = RcuValue.create(arena, { by: "main", round: 0, filler: "" });
    const words = new Int32Array(new SharedArrayBuffer(32));
    const data = {
      arena: arena.handle,
      domain: domain.handle,
      value: value.offset,
      words: words.buffer,
    };
    const url = import.meta.resolve("./rcu_value_test_worker.ts");
    const readers = [0, 1].map(() => workers.spawn<Setup>(url, data).call("read"));
    const publisher = workers.spawn<Setup>(url, data);
    let round = 1;
    for (const _ of rounds(4, () => Atomics.load(words, READY) === 2, "both readers have read")) {
      await publisher.call("publish", 50);
      for (let more = 0; more < 50; more++, round++) {
        value.publish({ by: "main", round, filler: "x".repeat(round % 100) }, domain);
      }
    }
    Atomics.store(words, STOP, 1);
    assertEquals(await Promise.all(readers), [0, 0]);
    await domain.barrierAsync();
    await publisher.call("barrier");
    arena.checkHeap();
  }));
