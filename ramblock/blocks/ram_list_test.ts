/** Blocks of every kind, their errors, and the end of their memory. */

import { Arena, RcuDomain, type ReadGuard } from "@guestmem/rcu";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { DIRTY_CLIENT } from "../dirty/dirty_clients.ts";
import type { BackingFile } from "./backing_file.ts";
import { GuestRam } from "./guest_ram.ts";
import { RamList } from "./ram_list.ts";
import { RamBlockError, type RamBlockErrorDetails } from "../errors/ramblock_error.ts";
import { refused } from "../testdata/refused.ts";

const PAGE = 4096;
const WINDOW = 1 << 20;

/** Guest RAM of small windows, so that blocks straddle them. */
function setUp(bytes = 4 * WINDOW, arenaBytes = 1 << 20, debug = true) {
  const arena = Arena.create({ bytes: arenaBytes, debug });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes, windowBytes: WINDOW, dirtyChunkPages: 64 });
  const blocks = new RamList(ram);
  const reader = domain.register();
  const inside = <T>(body: (guard: ReadGuard) => T): T => {
    const guard = reader.lock();
    try {
      return body(guard);
    } finally {
      guard.unlock();
    }
  };
  return { arena, domain, ram, blocks, inside };
}

/** A file in memory whose functions can be made to fail. */
class TestFile implements BackingFile {
  bytes: Uint8Array;
  flushed = 0;
  refuses = "";
  /** Most bytes that one call moves. */
  most = 1000;

  constructor(bytes: number) {
    this.bytes = Uint8Array.from({ length: bytes }, (_, i) => i * 7);
  }

  read(into: Uint8Array, position: number): number {
    if (this.refuses === "read") throw new Error("missing");
    const part = this.bytes.subarray(position, position + Math.min(into.length, this.most));
    into.set(part);
    return part.length;
  }

  write(from: Uint8Array, position: number): number {
    if (this.refuses === "write") throw new Error("disk full");
    const part = from.subarray(0, this.most);
    this.bytes.set(part, position);
    return part.length;
  }

  flush(): void {
    if (this.refuses === "flush") throw new Error("gone");
    this.flushed++;
  }
}

Deno.test("blocks are found by address, by name and by host address", () => {
  const { ram, blocks, inside } = setUp();
  const a = blocks.addAnonymous({ name: "a", length: 3 * PAGE });
  const b = blocks.addAnonymous({ name: "b", length: WINDOW });
  assertEquals([a.offset, b.offset], [0, 64 * PAGE]);
  inside((guard) => {
    for (const block of [a, b]) {
      for (const offset of [0, block.maxLength - 1]) {
        assertEquals(ram.idOf(ram.find(guard, block.offset + offset)), block.id);
        assertEquals(ram.idOf(ram.findByHost(guard, block.host + offset)), block.id);
      }
      assertEquals(ram.find(guard, block.offset + block.maxLength), 0);
      assertEquals(ram.describe(ram.findByName(guard, block.name)), block);
    }
    assertEquals(ram.findByName(guard, "c"), 0);
    assertEquals(ram.findByHost(guard, b.host - 1), 0);
    for (const address of [-1, NaN, 2 ** 53]) {
      refused("INVALID_ADDRESS", () => ram.find(guard, address));
      refused("INVALID_ADDRESS", () => ram.findByHost(guard, address));
    }
  });
});

Deno.test("addresses are numbers or bigints alike", () => {
  const { ram, blocks, inside } = setUp();
  blocks.addAnonymous({ name: "low", length: PAGE });
  const { id, offset, host } = blocks.addAnonymous({ name: "ram", length: 2 * PAGE });
  blocks.startLog(id, 1 << DIRTY_CLIENT.VGA);
  const { dirty } = ram;
  inside((guard) => {
    const address = BigInt(offset) + 8n;
    assertEquals(ram.idOf(ram.find(guard, address)), id);
    assertEquals(ram.idOf(ram.findByHost(guard, BigInt(host))), id);
    assert(dirty.testAndClear(guard, DIRTY_CLIENT.VGA, 0n, dirty.covered(guard)));
    ram.write(guard, address, Uint8Array.of(1, 2));
    const back = new Uint8Array(2);
    ram.read(guard, address, back);
    assertEquals([...back], [1, 2]);
    assertEquals(ram.view(guard, Uint8Array, address, 2)[1], 2);
    assert(dirty.isDirty(guard, DIRTY_CLIENT.VGA, address, 1n));
    dirty.mark(guard, BigInt(offset + PAGE), 1 << DIRTY_CLIENT.VGA);
    const taken = dirty.snapshotAndClear(guard, DIRTY_CLIENT.VGA, BigInt(offset), 8192n);
    assertEquals([...taken], [offset / PAGE, offset / PAGE + 1]);
    for (const bad of [-1n, 2n ** 53n]) {
      refused("INVALID_ADDRESS", () => ram.find(guard, bad));
      refused("INVALID_ADDRESS", () => ram.read(guard, bad, back));
      refused("INVALID_ADDRESS", () => dirty.mark(guard, bad, 1));
    }
  });
});

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

Deno.test("a block straddles windows: reads, writes and locations cross, a view is refused", () => {
  const { ram, blocks, inside } = setUp();
  const block = blocks.addAnonymous({ name: "ram", length: 3 * WINDOW });
  const data = Uint8Array.from({ length: 2 * WINDOW }, (_, i) => i * 31 + (i >> 8));
  inside((guard) => {
    const address = block.offset + WINDOW / 2 + 3;
    ram.write(guard, address, data);
    const back = new Uint8Array(data.length);
    ram.read(guard, address, back);
    assertEquals(back, data);
    const found = ram.find(guard, address);
    const memory = ram.locate(found, WINDOW - 4 - block.offset);
    assertEquals([ram.at, ram.contiguous], [WINDOW - 4, 4]);
    assertEquals(memory.u8[ram.at], data[WINDOW / 2 - 7]);
    assert(ram.locate(found, WINDOW) !== memory);
    assertEquals([ram.at, ram.contiguous], [0, WINDOW]);
    assertEquals(ram.view(guard, Uint32Array, WINDOW, 4).byteOffset, 0);
    const crossing = () => ram.view(guard, DataView, WINDOW - 4, 8);
    refused("WINDOW_BOUNDARY", crossing);
    refused("OUT_OF_BLOCK", () => ram.read(guard, 3 * WINDOW - 1, new Uint8Array(2)));
    refused("OUT_OF_BLOCK", () => ram.locate(found, 3 * WINDOW));
  });
});

for (const change of ["removed", "shrunk"] as const) {
  Deno.test(`a write to a block that is ${change} between two pieces is whole, and marked`, () => {
    const { domain, ram, blocks, inside } = setUp();
    const client = DIRTY_CLIENT.MIGRATION;
    const { id, offset } = blocks.addAnonymous({ name: "dimm", length: 3 * WINDOW, onResize() {} });
    blocks.startLog(id, 1 << client);
    inside((guard) => {
      ram.dirty.snapshotAndClear(guard, client, offset, 3 * WINDOW);
      const last = ram.locate(ram.find(guard, offset), 3 * WINDOW - 1);
      const at = ram.at;
      const data = new Uint8Array(3 * WINDOW - 1).fill(7);
      const { subarray } = data;
      data.subarray = (first, end) => {
        if (first === WINDOW - 1) {
          change === "removed" ? blocks.remove(id) : blocks.resize(id, WINDOW);
        }
        return subarray.call(data, first, end);
      };
      ram.write(guard, offset + 1, data);
      assertEquals(last.u8[at], 7);
      assert(ram.dirty.isDirty(guard, client, offset + 3 * WINDOW - 1, 1));
    });
    domain.barrier();
  });
}

Deno.test("RAM above 4 GiB", () => {
  const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
  const ram = GuestRam.create(domain, { bytes: 10 * 2 ** 30 });
  const blocks = new RamList(ram);
  const block = blocks.addAnonymous({ name: "pc.ram", length: 9 * 2 ** 30 });
  const guard = domain.register().lock();
  const payload = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  for (const address of [2 ** 31 - 4, 2 ** 32 - 4, 2 ** 33 - 4, 9 * 2 ** 30 - 8]) {
    ram.write(guard, address, payload);
    const back = new Uint8Array(8);
    ram.read(guard, address, back);
    assertEquals(back, payload);
    assertEquals(ram.idOf(ram.find(guard, address)), block.id);
  }
  const memory = ram.locate(ram.find(guard, 0), 2 ** 33 + 2 ** 29);
  memory.store64(ram.at, 0xffffffff, 0x80000001);
  assertEquals(memory.load64(ram.at), 0xffffffff);
  assertEquals(memory.upper, 0x80000001);
  assertEquals(memory.compareExchange64(ram.at, 0xffffffff, 0x80000001, 5, 6), 0xffffffff);
  assertEquals([memory.load64(ram.at), memory.upper], [5, 6]);
  guard.unlock();
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

Deno.test("a caller's buffer is the block's memory, and stays the caller's", () => {
  const { domain, ram, blocks, inside } = setUp();
  const buffer = new SharedArrayBuffer(2 * PAGE);
  const options = { name: "pre", length: PAGE, buffer, byteOffset: PAGE };
  const { id, offset, host } = blocks.addPreallocated(options);
  new Uint8Array(buffer)[PAGE + 5] = 77;
  inside((guard) => {
    const block = ram.findByHost(guard, host + 5);
    const memory = ram.locate(block, 5);
    assertEquals([ram.at, memory.u8[ram.at]], [PAGE + 5, 77]);
    memory.store64(PAGE + 8, 1, 0x80000000);
    assertEquals([memory.load64(PAGE + 8), memory.upper], [1, 0x80000000]);
    assertEquals(memory.compareExchange64(PAGE + 8, 1, 0x80000000, 2, 3), 1);
    memory.store64(PAGE + 17, 4, 5);
    assertEquals([memory.load64(PAGE + 17), memory.upper], [4, 5]);
    assertEquals(memory.compareExchange32(PAGE + 8, 2, 9), 2);
    assertThrows(() => memory.compareExchange64(PAGE + 17, 0, 0, 0, 0), RangeError);
    assertThrows(() => memory.compareExchange32(PAGE + 17, 0, 0), RangeError);
    ram.write(guard, offset + 100, Uint8Array.of(3));
  });
  blocks.remove(id);
  domain.barrier();
  assertEquals(new Uint8Array(buffer)[PAGE + 100], 3);
  const again = blocks.addPreallocated(options);
  assert(again.host !== host, "host addresses of buffers never repeat");
  ram.detachBuffer(again.id);
  inside((guard) => {
    refused("BUFFER_NOT_ATTACHED", () => ram.locate(ram.find(guard, 0), 0));
    ram.attachBuffer(guard, again.id, buffer, PAGE);
    assertEquals(ram.locate(ram.find(guard, 0), 100).u8[ram.at], 3);
    refused("UNKNOWN_BLOCK", () => ram.attachBuffer(guard, 99, buffer));
    refused("INVALID_BUFFER", () => ram.attachBuffer(guard, again.id, buffer, 2 * PAGE));
  });
});

Deno.test("an external mapping is invalidated when it is reclaimed, once, and not before", () => {
  const { domain, blocks, inside } = setUp();
  const events: string[] = [];
  const { id } = blocks.addExternal({
    name: "xen",
    length: PAGE,
    buffer: new SharedArrayBuffer(PAGE),
    invalidate: ({ name, host }) => events.push(`${name} ${host >= 2 ** 47}`),
  });
  inside(() => {
    blocks.remove(id);
    assertEquals(events, []);
  });
  domain.barrier();
  assertEquals(events, ["xen true"]);
  assertEquals(blocks.retired(), []);
});

Deno.test("a file is loaded, written back and flushed; its range is zeroed for the next block", () => {
  const { domain, ram, blocks, inside } = setUp();
  const file = new TestFile(3 * PAGE);
  const first = file.bytes.slice();
  const { id } = blocks.addFile({ name: "nvram", length: 2 * PAGE, file });
  inside((guard) => {
    const back = new Uint8Array(2 * PAGE);
    ram.read(guard, 0, back);
    assertEquals(back, first.subarray(0, 2 * PAGE));
    ram.write(guard, PAGE - 1, Uint8Array.of(1, 2));
  });
  blocks.remove(id);
  assertEquals(file.bytes, first);
  domain.barrier();
  first.set([1, 2], PAGE - 1);
  assertEquals(file.bytes, first);
  assertEquals(file.flushed, 1);
  blocks.addAnonymous({ name: "next", length: 2 * PAGE });
  inside((guard) => assertEquals(ram.view(guard, Uint8Array, PAGE - 1, 2)[0], 0));
});

Deno.test("a missing or a short file is refused, and nothing changes", () => {
  const { arena, blocks, ram, inside } = setUp();
  blocks.addAnonymous({ name: "ram", length: PAGE });
  const { liveBlocks } = arena.stats();
  const missing = new TestFile(PAGE);
  missing.refuses = "read";
  const error = refused(
    "FILE_FAILED",
    () => blocks.addFile({ name: "f", length: PAGE, file: missing }),
  );
  assertEquals((error.cause as Error).message, "missing");
  const short = new TestFile(2 * PAGE - 1);
  refused("FILE_TOO_SHORT", () => blocks.addFile({ name: "f", length: 2 * PAGE, file: short }));
  assertEquals(blocks.blocks().length, 1);
  // One table of dirty chunks may have grown; it is kept for the next block.
  assert(arena.stats().liveBlocks <= liveBlocks + 4);
  const next = blocks.addAnonymous({ name: "f", length: 2 * PAGE });
  inside((guard) => {
    assert(ram.view(guard, Uint8Array, next.offset, 2 * PAGE).every((byte) => byte === 0));
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

Deno.test("a block whose file can no longer be written may be discarded", () => {
  const { domain, blocks } = setUp();
  const file = new TestFile(PAGE);
  blocks.onReclaimError = () => {};
  const { id } = blocks.addFile({ name: "nvram", length: PAGE, file });
  file.most = 0;
  refused("UNKNOWN_BLOCK", () => blocks.discard(id));
  blocks.remove(id);
  domain.barrier();
  blocks.discard(id);
  assertEquals(blocks.retired(), []);
});

Deno.test("a block with a file or a callback is removed where it was added", () => {
  const { arena, ram, blocks } = setUp();
  const { id } = blocks.addFile({ name: "nvram", length: PAGE, file: new TestFile(PAGE) });
  const elsewhere = new RamList(GuestRam.attach(arena, ram.handle));
  refused("FOREIGN_BLOCK", () => elsewhere.remove(id));
  assertEquals(blocks.blocks().length, 1);
  const plain = blocks.addAnonymous({ name: "ram", length: PAGE });
  elsewhere.remove(plain.id);
});

Deno.test("foreign handles are refused", () => {
  const { arena, ram } = setUp();
  const other = Arena.create({ bytes: 1 << 20 });
  const { handle } = ram;
  refused("FOREIGN_HANDLE", () => GuestRam.attach(other, handle));
  for (
    const wrong of [
      { ...handle, kind: "x" },
      { ...handle, offset: handle.offset + 64 },
      { ...handle, offset: 2 ** 31 },
      { ...handle, windows: handle.windows.slice(1) },
      { ...handle, windows: handle.windows.with(0, new WebAssembly.Memory({ initial: 1 })) },
    ]
  ) {
    refused("FOREIGN_HANDLE", () => GuestRam.attach(arena, wrong as typeof handle));
  }
});

Deno.test("invalid sizes are refused", () => {
  const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
  for (
    const options of [
      { bytes: 0 },
      { bytes: 65537 },
      { bytes: WINDOW, windowBytes: 3 * 65536 },
      { bytes: WINDOW, windowBytes: 2 ** 33 },
      { bytes: WINDOW, pageBits: 11 },
      { bytes: WINDOW, dirtyChunkPages: 100 },
    ]
  ) {
    refused("INVALID_LENGTH", () => GuestRam.create(domain, options));
  }
});
