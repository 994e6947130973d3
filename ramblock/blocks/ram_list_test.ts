/** Adding, resizing, removing and reclaiming blocks. */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { Arena } from "@guestmem/rcu";
import { DIRTY_CLIENT } from "../dirty/dirty_clients.ts";
import { coreOf, GuestRam } from "./guest_ram.ts";
import { findById, retire } from "./list_writer.ts";
import { RamList } from "./ram_list.ts";
import { RamBlockError, type RamBlockErrorDetails } from "../errors/ramblock_error.ts";
import { refused } from "../testdata/refused.ts";
import { PAGE, setUp, TestFile, WINDOW } from "../testdata/small_ram.ts";

Deno.test("blocks lie by falling maximum length, and each change raises the version", () => {
  const { ram, blocks, inside } = setUp();
  const version = () => inside((guard) => ram.version(guard));
  const seen = [version()];
  for (const [name, pages] of [["b", 2], ["c", 1], ["a", 3], ["b2", 2]] as const) {
    blocks.addAnonymous({ name, length: pages * PAGE });
    seen.push(version());
  }
  assertEquals(blocks.blocks().map(({ name }) => name), ["a", "b", "b2", "c"]);
  blocks.remove(blocks.blocks()[1]!.id);
  seen.push(version());
  assertEquals(seen, seen.toSorted((a, b) => a - b));
  assertEquals(new Set(seen).size, seen.length);
});

Deno.test("removed memory is held until it is reclaimed, then zeroed and used again", () => {
  const { domain, ram, blocks, inside } = setUp();
  const old = blocks.addAnonymous({ name: "old", length: 4 * WINDOW });
  inside((guard) => ram.write(guard, 0, new Uint8Array(4 * WINDOW).fill(0xee)));
  blocks.remove(old.id);
  refused("RAM_EXHAUSTED", () => blocks.addAnonymous({ name: "new", length: WINDOW }));
  assertEquals(blocks.retired().map(({ id }) => id), [old.id]);
  domain.barrier();
  assertEquals(blocks.retired(), []);
  const now = blocks.addAnonymous({ name: "new", length: 4 * WINDOW });
  assertEquals(now.offset, 0);
  const back = new Uint8Array(4 * WINDOW);
  inside((guard) => ram.read(guard, 0, back));
  assert(back.every((byte) => byte === 0));
  assert(now.id !== old.id);
});

Deno.test("a block stays valid until the reader's section ends, and is not found afterwards", () => {
  const { domain, ram, blocks, inside } = setUp();
  const { id, offset } = blocks.addAnonymous({ name: "ram", length: PAGE });
  inside((guard) => {
    ram.write(guard, offset, Uint8Array.of(42));
    const block = ram.find(guard, offset);
    blocks.remove(id);
    assertEquals(ram.find(guard, offset), 0);
    assertEquals(ram.locate(block, 0).u8[ram.at], 42);
    assertThrows(() => domain.barrier());
    assertEquals(ram.locate(block, 0).u8[ram.at], 42);
  });
  domain.barrier();
  inside((guard) => assertEquals(ram.find(guard, offset), 0));
});

Deno.test("removing twice, and ids that were never issued, are refused", () => {
  const { blocks } = setUp();
  const { id } = blocks.addAnonymous({ name: "ram", length: PAGE });
  blocks.remove(id);
  for (const unknown of [id, 99, NaN]) {
    refused("UNKNOWN_BLOCK", () => blocks.remove(unknown));
    refused("UNKNOWN_BLOCK", () => blocks.resize(unknown, PAGE));
    refused("UNKNOWN_BLOCK", () => blocks.startLog(unknown, 1));
    refused("UNKNOWN_BLOCK", () => blocks.retryReclaim(unknown));
    refused("UNKNOWN_BLOCK", () => blocks.discard(unknown));
  }
});

Deno.test("a block that cannot be added is refused, and nothing changes", () => {
  const { arena, blocks, ram, inside } = setUp();
  blocks.addAnonymous({ name: "ram", length: PAGE });
  const before = () => [
    arena.stats().liveBlocks,
    JSON.stringify(blocks.blocks()),
    inside((guard) => ram.version(guard)),
  ];
  const state = before();
  const refusals: [Parameters<RamList["addAnonymous"]>[0], keyof RamBlockErrorDetails][] = [
    [{ name: "x", length: 0 }, "INVALID_LENGTH"],
    [{ name: "x", length: -PAGE }, "INVALID_LENGTH"],
    [{ name: "x", length: PAGE + 1 }, "INVALID_LENGTH"],
    [{ name: "x", length: NaN }, "INVALID_LENGTH"],
    [{ name: "x", length: PAGE, maxLength: PAGE + 8 }, "INVALID_LENGTH"],
    [{ name: "x", length: 2 * PAGE, maxLength: PAGE }, "LENGTH_BEYOND_MAXIMUM"],
    [{ name: "ram", length: PAGE }, "DUPLICATE_NAME"],
    [{ name: "", length: PAGE }, "INVALID_NAME"],
    [{ name: "n".repeat(256), length: PAGE }, "INVALID_NAME"],
    [{ name: "x", length: 4 * WINDOW }, "RAM_EXHAUSTED"],
  ];
  for (const [options, code] of refusals) {
    refused(code, () => blocks.addAnonymous(options));
    assertEquals(before(), state, code);
  }
  const shared = (bytes: number) => new SharedArrayBuffer(bytes);
  for (
    const buffer of [
      { buffer: shared(PAGE - 8) },
      { buffer: shared(PAGE), byteOffset: 8 },
      { buffer: shared(2 * PAGE), byteOffset: 4 },
      { buffer: new ArrayBuffer(PAGE) as unknown as SharedArrayBuffer },
    ]
  ) {
    const add = () => blocks.addPreallocated({ name: "x", length: PAGE, ...buffer });
    refused("INVALID_BUFFER", add);
    assertEquals(before(), state);
  }
});

Deno.test("an arena that is exhausted while a block is added leaves everything as it was", () => {
  const { arena, blocks, inside, ram } = setUp(4 * WINDOW, 1 << 17, false);
  const held: number[] = [];
  for (let bytes = 8192; bytes >= 16; bytes /= 2) {
    try {
      for (;;) held.push(arena.allocate(bytes));
    } catch { /* full for this size */ }
  }
  let tries = 0;
  for (let added = false; !added; tries++) {
    const before = arena.stats().liveBytes;
    try {
      blocks.addAnonymous({ name: "ram", length: 2 * WINDOW });
      added = true;
    } catch (error) {
      assertEquals((error as Error).name, "ArenaExhaustedError");
      assertEquals([arena.stats().liveBytes, blocks.blocks().length], [before, 0]);
      arena.free(held.pop()!);
    }
  }
  assert(tries > 3, "the arena was exhausted at several points");
  inside((guard) => ram.write(guard, 0, Uint8Array.of(1)));
});

Deno.test("the used length is resized up to the maximum, with the callback, and dirty again", () => {
  const { ram, blocks, inside } = setUp();
  const lengths: number[] = [];
  const { id } = blocks.addAnonymous({
    name: "acpi",
    length: PAGE,
    maxLength: 4 * PAGE,
    onResize: (block) => lengths.push(block.usedLength),
  });
  const { MIGRATION } = DIRTY_CLIENT;
  inside((guard) => {
    refused("OUT_OF_BLOCK", () => ram.locate(ram.find(guard, PAGE), PAGE));
    ram.dirty.snapshotAndClear(guard, MIGRATION, 0, 4 * PAGE);
  });
  blocks.resize(id, 3 * PAGE);
  blocks.resize(id, 3 * PAGE);
  refused("LENGTH_BEYOND_MAXIMUM", () => blocks.resize(id, 5 * PAGE));
  refused("INVALID_LENGTH", () => blocks.resize(id, 100));
  refused("INVALID_LENGTH", () => blocks.resize(id, 0));
  assertEquals(lengths, [3 * PAGE]);
  inside((guard) => {
    const block = ram.find(guard, 0);
    assertEquals([ram.usedLengthOf(block), ram.maxLengthOf(block)], [3 * PAGE, 4 * PAGE]);
    ram.locate(block, 3 * PAGE - 1);
    const dirty = ram.dirty.snapshotAndClear(guard, MIGRATION, 0, 4 * PAGE);
    assertEquals([...dirty], [0, 1, 2]);
  });
  blocks.resize(id, 4 * PAGE);
  blocks.resize(id, 2 * PAGE);
  inside((guard) => {
    for (const client of Object.values(DIRTY_CLIENT)) {
      const dirty = ram.dirty.snapshotAndClear(guard, client, 0, 5 * PAGE);
      assertEquals([...dirty], [0, 1], "pages that were cut off are clean");
    }
  });
});

for (const refuses of ["write", "flush"]) {
  Deno.test(`a failed ${refuses} is reported, and nothing is lost`, () => {
    const { domain, ram, blocks, inside } = setUp(WINDOW);
    const file = new TestFile(WINDOW);
    const reports: RamBlockError<"RECLAIM_FAILED">[] = [];
    blocks.onReclaimError = (error) => reports.push(error);
    const { id } = blocks.addFile({ name: "nvram", length: WINDOW, file });
    inside((guard) => ram.write(guard, 10, Uint8Array.of(1, 2, 3)));
    file.refuses = refuses;
    blocks.remove(id);
    domain.barrier();
    assertEquals(reports.map(({ details }) => details), [{ id, block: "nvram" }]);
    const { cause } = reports[0]!;
    assertInstanceOf(cause, RamBlockError);
    assertEquals(cause.code, "FILE_FAILED");
    refused("RAM_EXHAUSTED", () => blocks.addAnonymous({ name: "x", length: PAGE }));
    assertThrows(() => blocks.retryReclaim(id));
    file.refuses = "";
    blocks.retryReclaim(id);
    assertEquals([...file.bytes.subarray(9, 14)], [63, 1, 2, 3, 91]);
    assertEquals(blocks.retired(), []);
    blocks.addAnonymous({ name: "x", length: WINDOW });
  });
}

Deno.test("blocks that a writer had removed, and that died with it, are reclaimed by the next writer", async () => {
  const { domain, ram, blocks, inside } = setUp();
  const { arena } = domain;
  const { id } = blocks.addAnonymous({ name: "old", length: 4 * WINDOW });
  inside((guard) => ram.write(guard, 0, new Uint8Array(WINDOW).fill(0xee)));
  const other = Arena.attach(arena.handle, { label: "control" });
  new RamList(GuestRam.attach(other, ram.handle)).remove(id);
  refused("RAM_EXHAUSTED", () => blocks.addAnonymous({ name: "new", length: WINDOW }));
  assertEquals(new RamList(ram).retired().map((block) => block.id), [id], "its writer lives");
  await arena.evict(other.token, { stopped: true });
  // Found when the memory is needed, or by a new writer; freed after a grace period in any case.
  refused("RAM_EXHAUSTED", () => blocks.addAnonymous({ name: "new", length: WINDOW }));
  assertEquals(new RamList(ram).retired().map((block) => block.id), [id], "it is taken over once");
  domain.barrier();
  assertEquals(blocks.retired(), []);
  assertEquals(blocks.addAnonymous({ name: "new", length: 4 * WINDOW }).offset, 0);
  const back = new Uint8Array(4 * WINDOW);
  inside((guard) => ram.read(guard, 0, back));
  assertEquals(back.findIndex((byte) => byte !== 0), -1);
});

Deno.test("a removal that a death has cut short is completed", async () => {
  const { domain, ram, blocks } = setUp();
  const { arena } = domain;
  const { id } = blocks.addAnonymous({ name: "old", length: 4 * WINDOW });
  const other = Arena.attach(arena.handle);
  const dying = GuestRam.attach(other, ram.handle);
  const core = coreOf(dying);
  const died = () => {
    throw new RangeError("died");
  };
  const list = Object.create(core.list, { remove: { value: died } });
  const cut = { ...core, list } as typeof core;
  assertThrows(() => retire(cut, findById(core, "remove", id), () => {}), RangeError, "died");
  assertEquals(blocks.blocks().length, 1, "it is still listed");
  await arena.evict(other.token, { stopped: true });
  const next = new RamList(ram);
  assertEquals([next.blocks().length, next.retired().length], [0, 1]);
  domain.barrier();
  assertEquals(next.retired(), []);
  next.addAnonymous({ name: "new", length: 4 * WINDOW });
});
