import { assert, assertEquals, assertThrows } from "@std/assert";
import { registerElsewhere } from "../testdata/elsewhere.ts";
import { Arena, RcuDomain, RcuError, RcuPointer, type Reclaimer, Srcu } from "../mod.ts";

Deno.test("readers of both flavours share a domain, and a grace period waits for each", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const attach = () => RcuDomain.attach(Arena.attach(arena.handle), domain.handle);
  const [memb, qsbr] = [attach().register(), attach().register({ flavour: "qsbr" })];
  const open = memb.lock();
  const cookie = domain.startPoll();
  assert(!domain.poll(cookie));
  qsbr.quiescent();
  assert(!domain.poll(cookie));
  open.unlock();
  assert(domain.poll(cookie));
});

Deno.test("domains of one arena do not wait for one another", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const [one, two] = [RcuDomain.create(arena), RcuDomain.create(arena)];
  const other = RcuDomain.attach(Arena.attach(arena.handle), one.handle);
  const open = registerElsewhere(other).lock();
  two.synchronize();
  assert(!one.poll(one.startPoll()));
  open.unlock();
});

Deno.test("the figures of a domain", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const empty = {
    gracePeriods: 0,
    readers: 0,
    deferredBlocks: 0,
    deferredBytes: 0,
    queuedFunctions: 0,
  };
  assertEquals(domain.stats(), empty);
  const reader = domain.register();
  domain.deferFree(arena.allocate(100));
  domain.callRcu(() => {});
  const { deferredBytes, ...rest } = domain.stats();
  assert(deferredBytes >= 100);
  assertEquals(rest, { gracePeriods: 0, readers: 1, deferredBlocks: 1, queuedFunctions: 1 });
  domain.barrier();
  reader.unregister();
  const { gracePeriods, ...after } = domain.stats();
  assert(gracePeriods >= 1);
  assertEquals({ ...after, gracePeriods: 0 }, empty);
});

Deno.test("the counters are exact beyond 32 bits", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const reader = RcuDomain.attach(Arena.attach(arena.handle), domain.handle).register();
  const counters = new BigUint64Array(arena.memory.buffer, domain.offset, 17);
  counters[8] = counters[16] = 2n ** 32n - 1n; // started, completed
  for (let round = 0; round < 3; round++) {
    const guard = reader.lock();
    const cookie = domain.startPoll();
    assert(!domain.poll(cookie));
    guard.unlock();
    assert(domain.poll(cookie));
  }
  assertEquals(domain.stats().gracePeriods, 2 ** 32 + 1);
  const open = reader.lock();
  domain.deferFree(arena.allocate(16));
  assert(!domain.poll(domain.startPoll()));
  open.unlock();
  domain.barrier();
  assertEquals(domain.stats().deferredBlocks, 0);
});

Deno.test("a data structure needs no more of a domain than a Reclaimer", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const replace = (reclaimer: Reclaimer, pointer: RcuPointer, block: number) => {
    reclaimer.deferFree(pointer.exchange(block));
    reclaimer.callRcu(() => replaced++);
  };
  let replaced = 0;
  const pointer = RcuPointer.create(arena, arena.allocate(16));
  replace(domain, pointer, arena.allocate(16));
  domain.barrier();
  assertEquals([replaced, domain.stats().deferredBlocks], [1, 0]);
});

Deno.test("poll refuses what is no cookie of the domain", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  for (const domain of [RcuDomain.create(arena), Srcu.create(arena)]) {
    const first = domain.startPoll();
    assert(domain.poll(first));
    const newest = domain.startPoll();
    for (
      const cookie of [NaN, -1, 0, 1, first - 1, 1.5, Infinity, newest + 1, newest + 4, 2 ** 31]
    ) {
      const error = assertThrows(() => domain.poll(cookie), RcuError, `cookie ${cookie}`);
      assertEquals([error.code, error.details], ["INVALID_COOKIE", { cookie, newest }]);
    }
    assert(domain.poll(first) && domain.poll(newest));
  }
});
