/** Contexts that end, leave, throw, wait for one another or are evicted. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { spinUntil } from "#tools/testing/until.ts";
import { withWorkers, WorkerError } from "#tools/testing/workers.ts";
import { Arena, Srcu } from "@guestmem/rcu";
import { FlatViewError } from "../../errors/flat_view_error.ts";
import { MemTxResult } from "../device/mem_tx_result.ts";
import { MemoryAccess } from "../memory_access.ts";
import { MmioChannel } from "./mmio_channel.ts";
import { setUp } from "../../testdata/mmio_machine.ts";

const { OK, ERROR, DECODE_ERROR, ACCESS_ERROR } = MemTxResult;

Deno.test("waiting for another context inside a section is a named error", () =>
  withWorkers(async (workers) => {
    const { arena, topology, system, spawn } = setUp();
    system.addSubregion(0x1000, topology.initIo("device", 0x100, {}));
    const srcu = Srcu.create(arena);
    const vcpu = spawn(workers);
    await assertRejects(
      () => vcpu.call("loadInSection", 0x1000),
      WorkerError,
      "WaitInSectionError",
    );
    const held = () => vcpu.call("loadInSrcuSection", srcu.handle, 0x1000);
    await assertRejects(held, WorkerError, "WaitInSectionError");
    await vcpu.call("leave");
  }));

Deno.test("a context that ends fails the requests to it, and later ones", () =>
  withWorkers(async (workers) => {
    const { arena, topology, system, spawn, schedule } = setUp();
    const [dying, vcpu, late] = [spawn(workers), spawn(workers), spawn(workers)];
    const token = await dying.call("token");
    const region = topology.initIo("dying", 4, {}, { context: token });
    system.addSubregion(0x1000, region);
    await dying.call("ownDying", region.id);
    dying.expectDeath();
    const first = vcpu.call("load", 0x1000);
    await schedule.awaitStepAsync(1); // its callback runs
    const second = late.call("load", 0x1000); // and this one is not served
    arena.expel(token);
    assertEquals([await first, await second], [[0, ERROR], [0, ERROR]]);
    assertEquals(await vcpu.call("load", 0x1000), [0, ERROR]);
    for (let step = 2; step <= 9; step++) schedule.reach(step);
    await dying.ended;
    await vcpu.call("leave");
    await late.call("leave");
  }));

Deno.test("a context that leaves the channel fails the requests to it", () =>
  withWorkers(async (workers) => {
    const { topology, system, access, spawn } = setUp();
    system.addSubregion(0x1000, topology.initIo("device", 4, {}));
    const vcpu = spawn(workers);
    await vcpu.call("token");
    const waiting = vcpu.call("load", 0x1000);
    spinUntil(() => access.pending > 0, "the request is posted");
    access.close();
    assertEquals(await waiting, [0, ERROR]);
    await vcpu.call("leave");
  }));

Deno.test("two devices that wait for one another are refused, and nobody hangs", () =>
  withWorkers(async (workers) => {
    const { topology, system, spawn } = setUp();
    const [one, two, left, right] = [1, 2, 3, 4].map(() => spawn(workers));
    const a = topology.initIo("a", 4, {}, { context: await one!.call("token") });
    const b = topology.initIo("b", 4, {}, { context: await two!.call("token") });
    system.addSubregion(0x1000, a);
    system.addSubregion(0x2000, b);
    const served = [one!.call("meet", a.id, 0x2000, 1), two!.call("meet", b.id, 0x1000, 2)];
    const answers = [left!.call("load", 0x1000), right!.call("load", 0x2000)];
    const [first, second] = (await Promise.all(answers)).map(([value]) => value);
    await Promise.all(served);
    // At least one of the two was refused; one that was not, was answered by the other.
    assert([first, second].includes(0x1000 + ACCESS_ERROR), `${first} ${second}`);
    const possible = [0x1000, 0x1000 + ACCESS_ERROR];
    assert(possible.includes(first!) && possible.includes(second!));
    for (const worker of [left, right, one, two]) await worker!.call("leave");
  }));

Deno.test("whatever a server's error handler throws, the vCPU gets its answer", () =>
  withWorkers(async (workers) => {
    const machine = setUp();
    const { topology, system, arena, reader, memory, spawn } = machine;
    machine.access.close();
    const access = new MemoryAccess({
      ...{ arena, reader, memory, channel: machine.channel },
      onDeviceError: () => {
        throw new Error("the handler, too");
      },
    });
    const device = topology.initIo("device", 4, {});
    access.bind(device.id, {
      read: () => {
        throw new Error("the device");
      },
    });
    system.addSubregion(0x1000, device);
    const vcpu = spawn(workers);
    const waiting = vcpu.call("load", 0x1000);
    assertThrows(
      () => {
        spinUntil(() => access.serve(1000) < 0, "the handler throws");
      },
      Error,
      "the handler, too",
    );
    assertEquals(await waiting, [0, ERROR]);
    await vcpu.call("leave");
  }));

Deno.test("a waiting context that is evicted gets an error, and its request does no harm", () =>
  withWorkers(async (workers) => {
    const { arena, topology, system, spawn, access } = setUp();
    let calls = 0;
    const device = topology.initIo("device", 4, {});
    access.bind(device.id, { read: () => ++calls });
    system.addSubregion(0x1000, device);
    const [vcpu, other] = [spawn(workers), spawn(workers)];
    const token = await vcpu.call("token");
    const waiting = vcpu.call("load", 0x1000);
    spinUntil(() => access.pending > 0, "the request is posted");
    arena.expel(token);
    await assertRejects(() => waiting, WorkerError, "EvictedError");
    access.poll();
    const stop = new AbortController();
    access.listen(stop.signal);
    const [value, result] = await other.call("load", 0x1000);
    assertEquals([value, result], [calls, OK]);
    stop.abort();
    await other.call("leave");
  }));

Deno.test("the channel has a limit, frees endpoints, and refuses foreign handles", () => {
  const { arena, reader, memory, space, topology } = setUp();
  assertThrows(() => MmioChannel.create(arena, { contexts: 0 }), RangeError, "1 to 128");
  const channel = MmioChannel.create(arena, { contexts: 1 });
  const make = () => new MemoryAccess({ arena, reader, memory, channel });
  const first = make();
  assertThrows(make, FlatViewError, "all its 1 contexts");
  first.close();
  make().close();
  assertThrows(
    () => MmioChannel.attach(arena, space.handle as never),
    FlatViewError,
    "Cannot attach to an MMIO channel",
  );
  const other = Arena.create({ bytes: 1 << 20 });
  assertThrows(
    () => MmioChannel.attach(other, channel.handle),
    FlatViewError,
    "Cannot attach to an MMIO channel",
  );
  const { liveBlocks } = arena.stats();
  channel.destroy();
  assertEquals(arena.stats().liveBlocks, liveBlocks - 1);
  space.destroy();
  topology.close();
});

Deno.test("a failure that a device names reaches the vCPU, with the value of the read", () =>
  withWorkers(async (workers) => {
    const { topology, system, access, spawn, stop, listen, onDeviceError } = setUp();
    const device = topology.initIo("device", 8, {});
    access.bind(device.id, {
      read: () => ({ memTxResult: DECODE_ERROR, value: 7 }),
      write: () => ({ memTxResult: ACCESS_ERROR }),
    });
    system.addSubregion(0x1000, device);
    const vcpu = spawn(workers);
    const listening = listen();
    assertEquals(await vcpu.call("load", 0x1000), [7, DECODE_ERROR]);
    assertEquals(await vcpu.call("store", 0x1000, 1, 1), ACCESS_ERROR);
    assertEquals(onDeviceError.calls.length, 0);
    stop.abort();
    await listening;
    await vcpu.call("leave");
  }));
