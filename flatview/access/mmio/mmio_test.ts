/** Accesses that another context serves. */

import { assertEquals } from "@std/assert";
import { spinUntil } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { Srcu } from "@guestmem/rcu";
import type { MemoryRegionOps } from "../../region/region_ops.ts";
import { EventNotifier } from "../../view/event_notifier.ts";
import { MemTxResult } from "../device/mem_tx_result.ts";
import { setUp } from "../../testdata/mmio_machine.ts";

const { OK, ERROR, DECODE_ERROR, ACCESS_ERROR } = MemTxResult;

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`an access reaches a device in another context and comes back (${flavour})`, () =>
    withWorkers(async (workers) => {
      const { topology, system, access, spawn, stop, listen, onDeviceError } = setUp(flavour);
      const calls: unknown[] = [];
      const device = topology.initIo("device", 0x100, {
        endianness: "big",
        impl: { maxAccessSize: 8 },
        valid: { minAccessSize: 4, maxAccessSize: 8 },
      });
      access.bind(device.id, {
        read: (offset, size) => size === 8 ? 0x1122_3344_5566_7788n : Number(offset) + 0x0a0b_0c00,
        write: (offset, value, size, attrs, upper) =>
          void calls.push([offset, value, size, upper, attrs.requesterId, attrs.secure]),
      });
      const broken = topology.initIo("broken", 4, {});
      access.bind(broken.id, {
        read: () => {
          throw new Error("broken");
        },
      });
      const unbound = topology.initIo("unbound", 4, {});
      system.addSubregion(0x1000, device);
      system.addSubregion(0x2000, broken);
      system.addSubregion(0x3000, unbound);
      const vcpu = spawn(workers);
      listen();
      assertEquals(await vcpu.call("load", 0x1004), [0x040c_0b0a, OK]);
      assertEquals(await vcpu.call("load64be", 0x1008), [0x5566_7788, 0x1122_3344, OK]);
      assertEquals(await vcpu.call("loadByTlb", 0x1004), [0x040c_0b0a, OK]);
      assertEquals(await vcpu.call("store", 0x1008, 0x1234_5678, 0xfff8), OK);
      assertEquals(calls, [[8, 0x7856_3412, 4, 0, 0xfff8, true]]);
      const [bytes, result] = await vcpu.call("read", 0xffc, 0xc);
      assertEquals(result, DECODE_ERROR);
      assertEquals([...bytes], [0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
      assertEquals(await vcpu.call("load", 0x2000), [0, ERROR]);
      assertEquals(await vcpu.call("load", 0x3000), [0, ERROR]);
      assertEquals(onDeviceError.calls.map(({ args }) => (args[0] as Error).message), [
        "broken",
        `Cannot call the device of region ${unbound.id}: its context has bound no callbacks to it`,
      ]);
      stop.abort();
      await vcpu.call("leave");
    }));

  Deno.test(`a device may do anything while its vCPU waits: move, unplug, wait for readers (${flavour})`, () =>
    withWorkers(async (workers) => {
      const { arena, topology, domain, system, access, spawn, stop, listen } = setUp(flavour);
      let finalised = 0;
      const bar = topology.initIo("bar", 0x100, {}, { finalize: () => finalised++ });
      const slot = arena.allocate(16);
      const srcu = Srcu.create(arena);
      access.bind(bar.id, {
        read(offset) {
          if (offset === 0) bar.setAddress(0x2000);
          if (offset === 4) {
            system.delSubregion(bar);
            bar.destroy();
            domain.deferFree(slot);
          }
          domain.synchronize();
          srcu.synchronizeSrcu();
          domain.barrier(); // the old views are freed while the vCPU waits
          return 0x55;
        },
      });
      system.addSubregion(0x1000, bar);
      const vcpu = spawn(workers);
      listen();
      assertEquals(await vcpu.call("load", 0x1000), [0x55, OK]);
      assertEquals(await vcpu.call("load", 0x1000), [0, DECODE_ERROR]);
      assertEquals(await vcpu.call("loadByTlb", 0x2008), [0x55, OK]);
      assertEquals(finalised, 0);
      // The read's second half finds nothing any more: it is translated anew.
      const [bytes, result] = await vcpu.call("read", 0x2004, 8);
      assertEquals([[...bytes], result], [[0x55, 0, 0, 0, 0, 0, 0, 0], DECODE_ERROR]);
      assertEquals(finalised, 1);
      stop.abort();
      await vcpu.call("leave");
    }));
}

Deno.test("a region that has left its address by the time it is served is looked up anew", () =>
  withWorkers(async (workers) => {
    const { topology, system, access, spawn, domain } = setUp();
    const calls: string[] = [];
    const make = (name: string, answer: number) => {
      const region = topology.initIo(name, 0x100, {});
      access.bind(region.id, {
        read: () => {
          calls.push(name);
          return answer;
        },
      });
      return region;
    };
    const [before, after] = [make("before", 1), make("after", 2)];
    system.addSubregion(0x1000, before);
    const vcpu = spawn(workers);
    await vcpu.call("token");
    const answer = vcpu.call("load", 0x1000);
    // The request is here, and is not served: this context's loop does not turn.
    spinUntil(() => domain.stats().readers === 2 && waits(), "the vCPU waits");
    topology.transaction(() => {
      system.delSubregion(before);
      system.addSubregion(0x1000, after);
    });
    domain.synchronize();
    let served = 0;
    spinUntil(() => (served += access.serve(1000)) >= 2, "the first and the second try are served");
    assertEquals([await answer, calls], [[2, OK], ["after"]]);
    await vcpu.call("leave");

    function waits(): boolean {
      return access.pending > 0;
    }
  }));

Deno.test("a region that moved in the meantime is called at its new offset", () =>
  withWorkers(async (workers) => {
    const { topology, system, access, spawn } = setUp();
    const region = topology.initIo("device", 0x100, {});
    access.bind(region.id, { read: (offset) => Number(offset) });
    system.addSubregion(0x1000, region);
    const vcpu = spawn(workers);
    const answer = vcpu.call("load", 0x1010);
    spinUntil(() => access.pending > 0, "the request is posted");
    region.setAddress(0xfe0);
    let served = 0;
    spinUntil(() => (served += access.serve(1000)) >= 2, "the first and the second try are served");
    assertEquals(await answer, [0x30, OK]);
    await vcpu.call("leave");
  }));

Deno.test("a device that is slow holds up its own callers only", () =>
  withWorkers(async (workers) => {
    const { topology, system, spawn, schedule } = setUp();
    const [slow, quick, vcpu, other] = [1, 2, 3, 4].map(() => spawn(workers));
    const context = async (worker: typeof slow) => ({ context: await worker!.call("token") });
    const a = topology.initIo("slow", 4, {}, await context(slow));
    const b = topology.initIo("quick", 4, {}, await context(quick));
    system.addSubregion(0x1000, a);
    system.addSubregion(0x2000, b);
    await slow!.call("ownSlow", a.id);
    await quick!.call("own", b.id, 5);
    const waiting = vcpu!.call("load", 0x1000);
    await schedule.awaitStepAsync(1);
    assertEquals(await other!.call("loadMany", 0x2000, 50), { "5/0": 50 });
    schedule.reach(2);
    assertEquals(await waiting, [77, OK]);
    for (const worker of [vcpu, other, quick, slow]) await worker!.call("leave");
  }));

Deno.test("devices of several contexts lead to one another, and back to the first", () =>
  withWorkers(async (workers) => {
    const { topology, system, spawn } = setUp();
    const [one, two, vcpu] = [spawn(workers), spawn(workers), spawn(workers)];
    const first = { context: await one.call("token") };
    const second = { context: await two.call("token") };
    const plain = topology.initIo("plain", 4, {}, first);
    const fork = topology.initIo("fork", 4, {}, first);
    const relay = topology.initIo("relay", 4, {}, second);
    system.addSubregion(0x1000, plain);
    system.addSubregion(0x2000, fork);
    system.addSubregion(0x3000, relay);
    // fork (one) -> relay (two) -> plain (one, which waits): served inside the wait.
    await one.call("ownFork", plain.id, 0x3000, 40);
    await two.call("ownRelay", relay.id, 0x1000);
    await one.call("listen");
    await two.call("listen");
    assertEquals(await vcpu.call("load", 0x2000), [42, OK]);
    // relay -> fork -> relay: the device is entered again through another context.
    await two.call("ownRelay", relay.id, 0x2000);
    const [value, result] = await vcpu.call("load", 0x3000);
    // The inner access got nothing: fork answers 0 + 1 and relay 1 + 1.
    assertEquals([value, result], [2, OK]);
    for (const worker of [vcpu, one, two]) await worker.call("leave");
  }));

Deno.test("a blocking server serves, and posted events reach an event loop", () =>
  withWorkers(async (workers) => {
    const { arena, topology, system, spawn } = setUp();
    const [owner, vcpu] = [spawn(workers), spawn(workers)];
    const device = topology.initIo("device", 8, {}, { context: await owner.call("token") });
    system.addSubregion(0x1000, device);
    const kick = EventNotifier.create(arena);
    device.addEventfd(4, 4, null, kick);
    const counted = Promise.withResolvers<void>();
    let count = 0;
    const end = kick.onSignal((times) => {
      count += times;
      if (count === 10) counted.resolve();
    });
    await owner.call("ownRelay", device.id, 0x9000);
    const served = owner.call("serveOne");
    assertEquals(await vcpu.call("load", 0x1000), [1 + 0x200, OK]);
    assertEquals(await served, 1);
    for (let i = 0; i < 3; i++) assertEquals(await vcpu.call("store", 0x1004, i, 1), OK);
    await vcpu.call("signal", kick.offset, 7);
    await counted.promise;
    end();
    assertEquals(await owner.call("calls"), []);
    await vcpu.call("leave");
    await owner.call("leave");
  }));

Deno.test("whether a device accepts a posted write is asked where its callbacks are", () =>
  withWorkers(async (workers) => {
    const { arena, topology, system, access, spawn, stop, listen } = setUp();
    const written: number[] = [];
    const ops: MemoryRegionOps = {
      write: (_offset, value) => void written.push(value),
      valid: { accepts: (_offset, _size, _isWrite, attrs) => attrs.requesterId !== 2 },
    };
    const device = topology.initIo("device", 8, ops);
    access.bind(device.id, ops);
    system.addSubregion(0x1000, device);
    const kick = EventNotifier.create(arena);
    device.addEventfd(4, 4, null, kick);
    listen();
    const vcpu = spawn(workers);
    assertEquals([await vcpu.call("store", 0x1004, 5, 1), kick.take()], [OK, 1]);
    assertEquals([await vcpu.call("store", 0x1004, 6, 2), kick.take()], [DECODE_ERROR, 0]);
    assertEquals([await vcpu.call("store", 0x1000, 7, 1), kick.take()], [OK, 0]);
    assertEquals(written, [7]);
    stop.abort();
    await vcpu.call("leave");
  }));

Deno.test("an idle worker that is offline comes online for what it serves", () =>
  withWorkers(async (workers) => {
    const { topology, domain, system, spawn, access, space } = setUp("qsbr");
    const owner = spawn(workers);
    const device = topology.initIo("device", 8, {}, { context: await owner.call("token") });
    system.addSubregion(0x1000, device);
    await owner.call("own", device.id, 6);
    await owner.call("idle");
    domain.synchronize(); // nobody holds it up
    const view = access.attach(space.handle);
    assertEquals([view.load32le(0x1000), view.result], [6, OK]);
    domain.synchronize();
    await owner.call("leave");
  }));

Deno.test("under load: many vCPUs, a device that throws now and then, each access gets one answer", () =>
  withWorkers(async (workers) => {
    const { topology, system, access, spawn, stop, listen, onDeviceError } = setUp();
    let calls = 0;
    const device = topology.initIo("device", 4, {});
    access.bind(device.id, {
      read: () => {
        if (++calls % 5 === 0) throw new Error("now and then");
        return 9;
      },
    });
    system.addSubregion(0x1000, device);
    const vcpus = [spawn(workers), spawn(workers), spawn(workers)];
    listen();
    const counts = await Promise.all(vcpus.map((vcpu) => vcpu.call("loadMany", 0x1000, 200)));
    const sum = (key: string) => counts.reduce((total, seen) => total + (seen[key] ?? 0), 0);
    assertEquals([calls, sum("9/0"), sum("0/1"), onDeviceError.calls.length], [600, 480, 120, 120]);
    stop.abort();
    for (const vcpu of vcpus) await vcpu.call("leave");
  }));

for (const disableReentrancyGuard of [false, true]) {
  Deno.test(`a device that is entered again through another context is ${disableReentrancyGuard ? "called, without its guard" : "refused"}`, () =>
    withWorkers(async (workers) => {
      const { topology, system, space, access, spawn, stop, listen } = setUp();
      const [owner, vcpu] = [spawn(workers), spawn(workers)];
      const relay = topology.initIo("relay", 4, {}, { context: await owner.call("token") });
      const device = topology.initIo("device", 8, {}, { disableReentrancyGuard });
      const here = access.attach(space.handle);
      access.bind(device.id, {
        read: (offset) => offset === 0 ? here.load32le(0x2000) : { memTxResult: OK, value: 0x41 },
      });
      system.addSubregion(0x1000, device);
      system.addSubregion(0x2000, relay);
      await owner.call("ownRelay", relay.id, 0x1004);
      await owner.call("listen");
      const listening = listen();
      // The relay adds 1 to what it got, and 0x100 times the result.
      const expected = disableReentrancyGuard ? 0x42 : 0x001 + 0x100 * ACCESS_ERROR;
      assertEquals(await vcpu.call("load", 0x1000), [expected, OK]);
      stop.abort();
      await listening;
      for (const worker of [owner, vcpu]) await worker.call("leave");
    }));
}
