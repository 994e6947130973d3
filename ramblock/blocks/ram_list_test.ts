/** Blocks of every kind, their errors, and what becomes of their memory. */

import { Arena, RcuDomain, type ReadGuard } from "@guestmem/rcu";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { DIRTY_CLIENT } from "../dirty/layout.ts";
import {
  BackingFileError,
  BufferNotAttachedError,
  DuplicateNameError,
  ForeignBlockError,
  ForeignRamError,
  InvalidAddressError,
  InvalidBufferError,
  InvalidLengthError,
  InvalidNameError,
  OutOfRamBlockError,
  RamExhaustedError,
  type ReclaimError,
  ResizeError,
  ShortFileError,
  UnknownBlockError,
  WindowBoundaryError,
} from "../errors.ts";
import type { BackingFile } from "./backing_file.ts";
import { GuestRam } from "./guest_ram.ts";
import { RamList } from "./ram_list.ts";

// deno-lint-ignore no-explicit-any
type ErrorClass = new (...rest: any[]) => Error;

const PAGE = 4096;
const WINDOW = 1 << 20;

/** Guest RAM of small windows, so that blocks straddle them. */
function setUp(bytes = 4 * WINDOW, arenaBytes = 1 << 20, debug = true) {
  const arena = Arena.create({ bytes: arenaBytes, debug });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes, windowBytes: WINDOW, dirtyChunkPages: 64 });
  const blocks = new RamList(ram);
  const reader = domain.register();
  const inSection = <T>(body: (section: ReadGuard) => T): T => {
    const section = reader.lock();
    try {
      return body(section);
    } finally {
      section.unlock();
    }
  };
  return { arena, domain, ram, blocks, inSection };
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

Deno.test("blocks are found by address, by name and by host position", () => {
  const { ram, blocks, inSection } = setUp();
  const a = blocks.addAnonymous({ name: "a", length: 3 * PAGE });
  const b = blocks.addAnonymous({ name: "b", length: WINDOW });
  assertEquals([a.offset, b.offset], [0, 64 * PAGE]);
  inSection((section) => {
    for (const block of [a, b]) {
      for (const offset of [0, block.maxLength - 1]) {
        assertEquals(ram.idOf(ram.find(section, block.offset + offset)), block.id);
        assertEquals(ram.idOf(ram.findByHost(section, block.host + offset)), block.id);
      }
      assertEquals(ram.find(section, block.offset + block.maxLength), 0);
      assertEquals(ram.describe(ram.findByName(section, block.name)), block);
    }
    assertEquals(ram.findByName(section, "c"), 0);
    assertEquals(ram.findByHost(section, b.host - 1), 0);
    for (const address of [-1, NaN, 2 ** 53]) {
      assertThrows(() => ram.find(section, address), InvalidAddressError);
      assertThrows(() => ram.findByHost(section, address), InvalidAddressError);
    }
  });
});

Deno.test("blocks lie by falling maximum length, and each change raises the version", () => {
  const { ram, blocks, inSection } = setUp();
  const version = () => inSection((section) => ram.version(section));
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

Deno.test("a block straddles windows: reads, writes and locations go on, a view says so", () => {
  const { ram, blocks, inSection } = setUp();
  const block = blocks.addAnonymous({ name: "ram", length: 3 * WINDOW });
  const data = Uint8Array.from({ length: 2 * WINDOW }, (_, i) => i * 31 + (i >> 8));
  inSection((section) => {
    const address = block.offset + WINDOW / 2 + 3;
    ram.write(section, address, data);
    const back = new Uint8Array(data.length);
    ram.read(section, address, back);
    assertEquals(back, data);
    const found = ram.find(section, address);
    const memory = ram.locate(found, WINDOW - 4 - block.offset);
    assertEquals([ram.at, ram.contiguous], [WINDOW - 4, 4]);
    assertEquals(memory.u8[ram.at], data[WINDOW / 2 - 7]);
    assert(ram.locate(found, WINDOW) !== memory);
    assertEquals([ram.at, ram.contiguous], [0, WINDOW]);
    assertEquals(ram.view(section, Uint32Array, WINDOW, 4).byteOffset, 0);
    const crossing = () => ram.view(section, DataView, WINDOW - 4, 8);
    assertThrows(crossing, WindowBoundaryError);
    assertThrows(() => ram.read(section, 3 * WINDOW - 1, new Uint8Array(2)), OutOfRamBlockError);
    assertThrows(() => ram.locate(found, 3 * WINDOW), OutOfRamBlockError);
  });
});

Deno.test("RAM above 4 GiB", () => {
  const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
  const ram = GuestRam.create(domain, { bytes: 10 * 2 ** 30 });
  const blocks = new RamList(ram);
  const block = blocks.addAnonymous({ name: "pc.ram", length: 9 * 2 ** 30 });
  const section = domain.register().lock();
  const payload = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  for (const address of [2 ** 31 - 4, 2 ** 32 - 4, 2 ** 33 - 4, 9 * 2 ** 30 - 8]) {
    ram.write(section, address, payload);
    const back = new Uint8Array(8);
    ram.read(section, address, back);
    assertEquals(back, payload);
    assertEquals(ram.idOf(ram.find(section, address)), block.id);
  }
  const memory = ram.locate(ram.find(section, 0), 2 ** 33 + 2 ** 29);
  memory.store64(ram.at, 0xffffffff, 0x80000001);
  assertEquals(memory.load64(ram.at), 0xffffffff);
  assertEquals(memory.upper, 0x80000001);
  assertEquals(memory.compareExchange64(ram.at, 0xffffffff, 0x80000001, 5, 6), 0xffffffff);
  assertEquals([memory.load64(ram.at), memory.upper], [5, 6]);
  section.unlock();
});

Deno.test("freed memory is held until it is reclaimed, then zero and used again", () => {
  const { domain, ram, blocks, inSection } = setUp();
  const old = blocks.addAnonymous({ name: "old", length: 4 * WINDOW });
  inSection((section) => ram.write(section, 0, new Uint8Array(4 * WINDOW).fill(0xee)));
  blocks.remove(old.id);
  assertThrows(() => blocks.addAnonymous({ name: "new", length: WINDOW }), RamExhaustedError);
  assertEquals(blocks.retired().map(({ id }) => id), [old.id]);
  domain.barrier();
  assertEquals(blocks.retired(), []);
  const now = blocks.addAnonymous({ name: "new", length: 4 * WINDOW });
  assertEquals(now.offset, 0);
  const back = new Uint8Array(4 * WINDOW);
  inSection((section) => ram.read(section, 0, back));
  assert(back.every((byte) => byte === 0));
  assert(now.id !== old.id);
});

Deno.test("a reader keeps what it found until its section ends, and finds nothing afterwards", () => {
  const { domain, ram, blocks, inSection } = setUp();
  const { id, offset } = blocks.addAnonymous({ name: "ram", length: PAGE });
  inSection((section) => {
    ram.write(section, offset, Uint8Array.of(42));
    const block = ram.find(section, offset);
    blocks.remove(id);
    assertEquals(ram.find(section, offset), 0);
    assertEquals(ram.locate(block, 0).u8[ram.at], 42);
    assertThrows(() => domain.barrier());
    assertEquals(ram.locate(block, 0).u8[ram.at], 42);
  });
  domain.barrier();
  inSection((section) => assertEquals(ram.find(section, offset), 0));
});

Deno.test("removing twice, and ids that never were, are named errors", () => {
  const { blocks } = setUp();
  const { id } = blocks.addAnonymous({ name: "ram", length: PAGE });
  blocks.remove(id);
  for (const unknown of [id, 99, NaN]) {
    assertThrows(() => blocks.remove(unknown), UnknownBlockError);
    assertThrows(() => blocks.resize(unknown, PAGE), UnknownBlockError);
    assertThrows(() => blocks.startLog(unknown, 1), UnknownBlockError);
    assertThrows(() => blocks.retryReclaim(unknown), UnknownBlockError);
    assertThrows(() => blocks.discard(unknown), UnknownBlockError);
  }
});

Deno.test("what cannot be added is a named error, and changes nothing", () => {
  const { arena, blocks, ram, inSection } = setUp();
  blocks.addAnonymous({ name: "ram", length: PAGE });
  const before = () => [
    arena.stats().liveBlocks,
    JSON.stringify(blocks.blocks()),
    inSection((section) => ram.version(section)),
  ];
  const state = before();
  const refused: [Parameters<RamList["addAnonymous"]>[0], ErrorClass][] = [
    [{ name: "x", length: 0 }, InvalidLengthError],
    [{ name: "x", length: -PAGE }, InvalidLengthError],
    [{ name: "x", length: PAGE + 1 }, InvalidLengthError],
    [{ name: "x", length: NaN }, InvalidLengthError],
    [{ name: "x", length: PAGE, maxLength: PAGE + 8 }, InvalidLengthError],
    [{ name: "x", length: 2 * PAGE, maxLength: PAGE }, ResizeError],
    [{ name: "ram", length: PAGE }, DuplicateNameError],
    [{ name: "", length: PAGE }, InvalidNameError],
    [{ name: "n".repeat(256), length: PAGE }, InvalidNameError],
    [{ name: "x", length: 4 * WINDOW }, RamExhaustedError],
  ];
  for (const [options, error] of refused) {
    assertThrows(() => blocks.addAnonymous(options), error);
    assertEquals(before(), state, error.name);
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
    assertThrows(add, InvalidBufferError);
    assertEquals(before(), state);
  }
});

Deno.test("an arena that runs out in the middle of adding a block leaves all as it was", () => {
  const { arena, blocks, inSection, ram } = setUp(4 * WINDOW, 1 << 17, false);
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
  inSection((section) => ram.write(section, 0, Uint8Array.of(1)));
});

Deno.test("used length: resized up to the maximum, with the callback, dirty anew", () => {
  const { ram, blocks, inSection } = setUp();
  const lengths: number[] = [];
  const { id } = blocks.addAnonymous({
    name: "acpi",
    length: PAGE,
    maxLength: 4 * PAGE,
    onResize: (block) => lengths.push(block.usedLength),
  });
  const { MIGRATION } = DIRTY_CLIENT;
  inSection((section) => {
    assertThrows(() => ram.locate(ram.find(section, PAGE), PAGE), OutOfRamBlockError);
    ram.dirty.snapshotAndClear(section, MIGRATION, 0, 4 * PAGE);
  });
  blocks.resize(id, 3 * PAGE);
  blocks.resize(id, 3 * PAGE);
  assertThrows(() => blocks.resize(id, 5 * PAGE), ResizeError);
  assertThrows(() => blocks.resize(id, 100), InvalidLengthError);
  assertThrows(() => blocks.resize(id, 0), InvalidLengthError);
  assertEquals(lengths, [3 * PAGE]);
  inSection((section) => {
    const block = ram.find(section, 0);
    assertEquals([ram.usedLengthOf(block), ram.maxLengthOf(block)], [3 * PAGE, 4 * PAGE]);
    ram.locate(block, 3 * PAGE - 1);
    const dirty = ram.dirty.snapshotAndClear(section, MIGRATION, 0, 4 * PAGE);
    assertEquals([...dirty], [0, 1, 2]);
  });
});

Deno.test("a caller's buffer is the block's memory, and stays the caller's", () => {
  const { domain, ram, blocks, inSection } = setUp();
  const buffer = new SharedArrayBuffer(2 * PAGE);
  const options = { name: "pre", length: PAGE, buffer, byteOffset: PAGE };
  const { id, offset, host } = blocks.addPreallocated(options);
  new Uint8Array(buffer)[PAGE + 5] = 77;
  inSection((section) => {
    const block = ram.findByHost(section, host + 5);
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
    ram.write(section, offset + 100, Uint8Array.of(3));
  });
  blocks.remove(id);
  domain.barrier();
  assertEquals(new Uint8Array(buffer)[PAGE + 100], 3);
  const again = blocks.addPreallocated(options);
  assert(again.host !== host, "host positions of buffers never repeat");
  ram.detachBuffer(again.id);
  inSection((section) => {
    assertThrows(() => ram.locate(ram.find(section, 0), 0), BufferNotAttachedError);
    ram.attachBuffer(section, again.id, buffer, PAGE);
    assertEquals(ram.locate(ram.find(section, 0), 100).u8[ram.at], 3);
    assertThrows(() => ram.attachBuffer(section, 99, buffer), UnknownBlockError);
    assertThrows(() => ram.attachBuffer(section, again.id, buffer, 2 * PAGE), InvalidBufferError);
  });
});

Deno.test("an external mapping is invalidated at reclaim, once, and not before", () => {
  const { domain, blocks, inSection } = setUp();
  const events: string[] = [];
  const { id } = blocks.addExternal({
    name: "xen",
    length: PAGE,
    buffer: new SharedArrayBuffer(PAGE),
    invalidate: ({ name, host }) => events.push(`${name} ${host >= 2 ** 47}`),
  });
  inSection(() => {
    blocks.remove(id);
    assertEquals(events, []);
  });
  domain.barrier();
  assertEquals(events, ["xen true"]);
  assertEquals(blocks.retired(), []);
});

Deno.test("a file is loaded, written back and flushed; its range is zeroed for the next block", () => {
  const { domain, ram, blocks, inSection } = setUp();
  const file = new TestFile(3 * PAGE);
  const first = file.bytes.slice();
  const { id } = blocks.addFile({ name: "nvram", length: 2 * PAGE, file });
  inSection((section) => {
    const back = new Uint8Array(2 * PAGE);
    ram.read(section, 0, back);
    assertEquals(back, first.subarray(0, 2 * PAGE));
    ram.write(section, PAGE - 1, Uint8Array.of(1, 2));
  });
  blocks.remove(id);
  assertEquals(file.bytes, first);
  domain.barrier();
  first.set([1, 2], PAGE - 1);
  assertEquals(file.bytes, first);
  assertEquals(file.flushed, 1);
  blocks.addAnonymous({ name: "next", length: 2 * PAGE });
  inSection((section) => assertEquals(ram.view(section, Uint8Array, PAGE - 1, 2)[0], 0));
});

Deno.test("a missing or a short file is a named error, and changes nothing", () => {
  const { arena, blocks, ram, inSection } = setUp();
  blocks.addAnonymous({ name: "ram", length: PAGE });
  const { liveBlocks } = arena.stats();
  const missing = new TestFile(PAGE);
  missing.refuses = "read";
  const error = assertThrows(
    () => blocks.addFile({ name: "f", length: PAGE, file: missing }),
    BackingFileError,
  );
  assertEquals((error.cause as Error).message, "missing");
  const short = new TestFile(2 * PAGE - 1);
  assertThrows(() => blocks.addFile({ name: "f", length: 2 * PAGE, file: short }), ShortFileError);
  assertEquals(blocks.blocks().length, 1);
  // One table of dirty chunks may have grown; it is kept for the next block.
  assert(arena.stats().liveBlocks <= liveBlocks + 4);
  const next = blocks.addAnonymous({ name: "f", length: 2 * PAGE });
  inSection((section) => {
    assert(ram.view(section, Uint8Array, next.offset, 2 * PAGE).every((byte) => byte === 0));
  });
});

for (const refuses of ["write", "flush"]) {
  Deno.test(`a failed ${refuses} is reported, and nothing is lost`, () => {
    const { domain, ram, blocks, inSection } = setUp(WINDOW);
    const file = new TestFile(WINDOW);
    const reports: ReclaimError[] = [];
    blocks.onReclaimError = (error) => reports.push(error);
    const { id } = blocks.addFile({ name: "nvram", length: WINDOW, file });
    inSection((section) => ram.write(section, 10, Uint8Array.of(1, 2, 3)));
    file.refuses = refuses;
    blocks.remove(id);
    domain.barrier();
    assertEquals(reports.map(({ id, block }) => [id, block]), [[id, "nvram"]]);
    assertInstanceOf(reports[0]!.cause, BackingFileError);
    assertThrows(() => blocks.addAnonymous({ name: "x", length: PAGE }), RamExhaustedError);
    assertThrows(() => blocks.retryReclaim(id));
    file.refuses = "";
    blocks.retryReclaim(id);
    assertEquals([...file.bytes.subarray(9, 14)], [63, 1, 2, 3, 91]);
    assertEquals(blocks.retired(), []);
    blocks.addAnonymous({ name: "x", length: WINDOW });
  });
}

Deno.test("a block whose file can be written no more may be discarded", () => {
  const { domain, blocks } = setUp();
  const file = new TestFile(PAGE);
  blocks.onReclaimError = () => {};
  const { id } = blocks.addFile({ name: "nvram", length: PAGE, file });
  file.most = 0;
  assertThrows(() => blocks.discard(id), UnknownBlockError);
  blocks.remove(id);
  domain.barrier();
  blocks.discard(id);
  assertEquals(blocks.retired(), []);
});

Deno.test("a block with a file or a callback is removed where it was added", () => {
  const { arena, ram, blocks } = setUp();
  const { id } = blocks.addFile({ name: "nvram", length: PAGE, file: new TestFile(PAGE) });
  const elsewhere = new RamList(GuestRam.attach(arena, ram.handle));
  assertThrows(() => elsewhere.remove(id), ForeignBlockError);
  assertEquals(blocks.blocks().length, 1);
  const plain = blocks.addAnonymous({ name: "ram", length: PAGE });
  elsewhere.remove(plain.id);
});

Deno.test("handles that do not fit are refused", () => {
  const { arena, ram } = setUp();
  const other = Arena.create({ bytes: 1 << 20 });
  const { handle } = ram;
  assertThrows(() => GuestRam.attach(other, handle), ForeignRamError);
  for (
    const wrong of [
      { ...handle, kind: "x" },
      { ...handle, offset: handle.offset + 64 },
      { ...handle, offset: 2 ** 31 },
      { ...handle, windows: handle.windows.slice(1) },
      { ...handle, windows: handle.windows.with(0, new WebAssembly.Memory({ initial: 1 })) },
    ]
  ) {
    assertThrows(() => GuestRam.attach(arena, wrong as typeof handle), ForeignRamError);
  }
});

Deno.test("sizes that do not serve are refused", () => {
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
    assertThrows(() => GuestRam.create(domain, options), InvalidLengthError);
  }
});
