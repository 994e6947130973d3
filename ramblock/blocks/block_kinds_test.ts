/** Blocks in callers' buffers, external mappings and files. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DIRTY_CLIENT } from "../dirty/dirty_clients.ts";
import { GuestRam } from "./guest_ram.ts";
import { RamList } from "./ram_list.ts";
import { refused } from "../testdata/refused.ts";
import { PAGE, setUp, TestFile, WINDOW } from "../testdata/small_ram.ts";

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
