/** Guest RAM as readers use it: lookups, addresses, windows, handles. */

import { Arena, RcuDomain } from "@guestmem/rcu";
import { assert, assertEquals } from "@std/assert";
import { DIRTY_CLIENT } from "../dirty/dirty_clients.ts";
import { GuestRam } from "./guest_ram.ts";
import { RamList } from "./ram_list.ts";
import { refused } from "../testdata/refused.ts";
import { PAGE, setUp, WINDOW } from "../testdata/small_ram.ts";

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
