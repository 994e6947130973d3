/** Accesses that reach callbacks: ioeventfds, refusals, re-entrancy. */

import { assert, assertEquals } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { MemoryRegionOps } from "../region/region_ops.ts";
import { EventNotifier } from "../view/event_notifier.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { recorder, setUp } from "../testdata/one_machine.ts";

const { OK, ERROR, DECODE_ERROR, ACCESS_ERROR } = MemTxResult;

Deno.test("a write that matches an ioeventfd is posted: counted, and no callback runs", () => {
  const { arena, topology, system, space, access } = setUp();
  const { ops, take } = recorder();
  const region = topology.initIo("virtio", 0x100, ops);
  access.bind(region.id, ops);
  system.addSubregion(0x1000, region);
  const kick = EventNotifier.create(arena);
  const any = EventNotifier.create(arena);
  space.store16le(0x1050, 1);
  assertEquals(take(), ["w2@50=1"]);
  topology.transaction(() => {
    region.addEventfd(0x50, 2, 1n, kick);
    region.addEventfd(0x60, 0, null, any);
    region.addEventfd(0x70, 4, null, "for listeners alone");
  });
  assertEquals(space.store16le(0x1050, 1), OK);
  space.store16be(0x1050, 0x100); // the same bytes
  space.store16le(0x1050, 2);
  space.store32le(0x1050, 1);
  space.store8(0x1060, 9);
  space.store32le(0x1060, 9);
  space.store32le(0x1070, 9);
  assertEquals([kick.take(), any.take(), kick.take()], [2, 2, 0]);
  assertEquals(take(), ["w2@50=2", "w4@50=1", "w4@70=9"]);
  region.delEventfd(0x50, 2, 1n, kick);
  space.store16le(0x1050, 1);
  assertEquals([kick.take(), take()], [0, ["w2@50=1"]]);
});

Deno.test("a write that the device does not accept is refused, whatever ioeventfd it matches", () => {
  const { arena, topology, system, space, access } = setUp();
  const written: number[] = [];
  const broken = new Error("broken");
  const ops: MemoryRegionOps = {
    write: (_offset, value) => void written.push(value),
    valid: {
      accepts(_offset, _size, isWrite, attrs) {
        if (attrs.secure) throw broken;
        return isWrite && !attrs.user;
      },
    },
  };
  const region = topology.initIo("virtio", 0x100, ops);
  access.bind(region.id, ops);
  system.addSubregion(0x1000, region);
  const kick = EventNotifier.create(arena);
  region.addEventfd(0x10, 4, null, kick);
  assertEquals([space.store32le(0x1010, 5, { user: true }), kick.take()], [DECODE_ERROR, 0]);
  assertEquals([space.store32le(0x1010, 5, { secure: true }), kick.take()], [ERROR, 0]);
  assertEquals([space.store32le(0x1010, 5), kick.take()], [OK, 1]);
  assertEquals([space.store16le(0x1010, 6), kick.take(), written], [OK, 0, [6]]);
});

Deno.test("a device that throws gives an error result, and its error is reported", () => {
  const onDeviceError = spy((_error: unknown) => {});
  const { plug, space } = setUp({ onDeviceError });
  const broken = new Error("broken");
  plug(0x1000, 0x100, {
    read: () => {
      throw broken;
    },
    write: () => {
      throw broken;
    },
  });
  assertEquals([space.load32le(0x1000), space.result], [0, ERROR]);
  assertEquals(space.store32le(0x1000, 1), ERROR);
  const bytes = new Uint8Array(6).fill(1);
  assertEquals(space.read(0xffe, bytes), ERROR | DECODE_ERROR);
  assertEquals(bytes, new Uint8Array(6));
  assertSpyCalls(onDeviceError, 3);
  assert(onDeviceError.calls.every(({ args: [error] }) => error === broken));
});

Deno.test("a device that is entered again through its own memory is refused, a neighbour is not", () => {
  const { plug, space } = setUp();
  const owner = {};
  const seen: unknown[] = [];
  const other = recorder({}, 5);
  plug(0x3000, 0x100, other.ops);
  plug(0x2000, 0x100, { read: () => 1 }, owner);
  plug(0x1000, 0x100, {
    read() {
      seen.push(space.load8(0x1004), space.result); // itself
      seen.push(space.load8(0x2000), space.result); // its other region
      seen.push(space.store8(0x2000, 1));
      seen.push(space.load8(0x3000), space.result); // another device
      return 0x42;
    },
  }, owner);
  assertEquals([space.load8(0x1000), space.result], [0x42, OK]);
  assertEquals(seen, [0, ACCESS_ERROR, 0, ACCESS_ERROR, ACCESS_ERROR, 5, OK]);
  assertEquals([space.load8(0x2000), space.result], [1, OK]); // and is free again
});

Deno.test("a callback may access memory and change the map under the access that called it", () => {
  const { topology, plug, space, system, memory } = setUp();
  system.addSubregion(0x8000, topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n }));
  const bar: MemoryRegion = plug(0x1000, 4, {
    read(offset) {
      space.store32le(0x8000, 0x0badcafe);
      if (offset === 0) bar.setAddress(0x2000);
      return 0x1234_5678;
    },
  });
  const bytes = new Uint8Array(8);
  assertEquals(space.read(0x1000, bytes), DECODE_ERROR); // the rest is not there any more
  assertEquals(bytes, Uint8Array.of(0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0));
  assertEquals(memory.byte(0), 0xfe);
  assertEquals([space.load32le(0x2000), space.result], [0x1234_5678, OK]);
});
