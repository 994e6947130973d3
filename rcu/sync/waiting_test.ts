import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, EvictedError, RcuDomain, RcuError, Srcu, WaitInSectionError } from "../mod.ts";
import { refuseInSection, restIdleReaders, waitOutside } from "./waiting.ts";

function create() {
  const arena = Arena.create({ bytes: 1 << 20 });
  return { arena, domain: RcuDomain.create(arena), second: RcuDomain.create(arena) };
}

Deno.test("a QSBR reader is offline while its context waits, and online afterwards", () => {
  const { domain } = create();
  const reader = domain.register({ flavour: "qsbr" });
  const result = waitOutside("wait for the device", () => {
    assert(!reader.isOnline);
    assertThrows(() => reader.lock(), RcuError, "offline");
    return 7;
  });
  assertEquals([result, reader.isOnline], [7, true]);
});

Deno.test("a reader that was offline stays so, and one is back online after a wait that throws", () => {
  const { domain, second } = create();
  const [on, off] = [domain, second].map((own) => own.register({ flavour: "qsbr" }));
  off!.offline();
  const wait = () => {
    throw new RangeError("planted");
  };
  assertThrows(() => waitOutside("wait", wait), RangeError, "planted");
  assertEquals([on!.isOnline, off!.isOnline], [true, false]);
});

Deno.test("no wait inside a section, of whichever domain of the context", () => {
  const { domain, second } = create();
  const reader = domain.register({ label: "vcpu" });
  second.register({ flavour: "qsbr" });
  const guard = reader.lock();
  let waited = false;
  const wait = () => waitOutside("reach the device", () => waited = true);
  const error = assertThrows(wait, WaitInSectionError, 'reach the device: reader "vcpu"');
  assertEquals([error.details.action, error.details.label], ["reach the device", "vcpu"]);
  assertThrows(() => second.synchronize(), WaitInSectionError);
  assertEquals(waited, false);
  guard.unlock();
  wait();
  assert(waited);
});

Deno.test("waits nest: readers are back online once the outermost wait is over", () => {
  const { domain, second } = create();
  const reader = domain.register({ flavour: "qsbr" });
  waitOutside("wait", () => {
    waitOutside("wait for something else", () => assert(!reader.isOnline));
    assert(!reader.isOnline, "the outer wait goes on");
    assertThrows(() => reader.online(), RcuError, "offline while its context waits");
    // A reader that registers in the meantime is no exception.
    assert(!second.register({ flavour: "qsbr" }).isOnline);
  });
  assert(reader.isOnline);
  second.synchronize();
});

Deno.test("a wait suspends the readers of all attachments and arenas of its context", () => {
  const { arena, domain } = create();
  const again = RcuDomain.attach(Arena.attach(arena.handle), domain.handle);
  const readers = [domain, again, create().domain].map((own) => own.register({ flavour: "qsbr" }));
  waitOutside(
    "wait",
    () => assertEquals(readers.map(({ isOnline }) => isOnline), [false, false, false]),
  );
  domain.synchronize(); // with the reader of the other attachment online, it would not end
  assertEquals(readers.map(({ isOnline }) => isOnline), [true, true, true]);
});

Deno.test("a section of another attachment or arena of the context forbids a wait too", () => {
  const { arena, domain } = create();
  const again = RcuDomain.attach(Arena.attach(arena.handle), domain.handle);
  for (const other of [again, create().domain]) {
    const guard = other.register().lock();
    assertThrows(() => domain.synchronize(), WaitInSectionError);
    guard.unlock();
  }
});

Deno.test("a section of an SRCU domain that another attachment reads forbids the wait for it", () => {
  const { arena } = create();
  const srcu = Srcu.create(arena);
  const guard = Srcu.attach(Arena.attach(arena.handle), srcu.handle).register().lock();
  assertThrows(() => srcu.synchronizeSrcu(), WaitInSectionError);
  guard.unlock();
  srcu.synchronizeSrcu();
});

Deno.test("a reader that finds itself evicted after a wait keeps no other from coming back", () => {
  const { arena, domain, second } = create();
  const evicted = RcuDomain.attach(Arena.attach(arena.handle), domain.handle);
  const gone = evicted.register({ flavour: "qsbr" });
  const reader = second.register({ flavour: "qsbr" });
  const wait = () =>
    waitOutside("wait", () => void arena.evict(evicted.arena.token, { stopped: true }));
  wait();
  assert(reader.isOnline);
  assertThrows(() => gone.quiescent(), EvictedError);
});

Deno.test("an SRCU section forbids the wait for its own domain only", () => {
  const { arena, domain } = create();
  const [own, other] = [Srcu.create(arena), Srcu.create(arena)];
  const srcu = { arena, domain: own.offset };
  const guard = own.register({ label: "task" }).lock();
  refuseInSection("wait");
  assertThrows(() => refuseInSection("wait", srcu), WaitInSectionError, '"task"');
  domain.synchronize();
  other.synchronizeSrcu();
  guard.unlock();
  refuseInSection("wait", srcu);
});

Deno.test("between two turns idle QSBR readers rest until they are used, others do not", () => {
  const { domain, second } = create();
  const idle = domain.register({ flavour: "qsbr" });
  const open = second.register({ flavour: "qsbr" }).lock();
  const [cookie, secondCookie] = [domain.startPoll(), second.startPoll()];
  assertEquals([domain.poll(cookie), second.poll(secondCookie)], [false, false]);
  restIdleReaders();
  assert(idle.isOnline);
  assertEquals([domain.poll(cookie), second.poll(secondCookie)], [true, false]);
  open.unlock();
  assert(domain.poll(domain.startPoll()), "it rests on");
  const guard = idle.lock();
  assert(!domain.poll(domain.startPoll()), "it holds up grace periods again");
  guard.unlock();
});

Deno.test("each call ends a rest as if the reader had stayed online", () => {
  const { domain } = create();
  const reader = domain.register({ flavour: "qsbr" });
  restIdleReaders();
  reader.quiescent();
  restIdleReaders();
  assertThrows(() => reader.online(), RcuError, "online already");
  restIdleReaders();
  waitOutside("wait", () => assertThrows(() => reader.lock(), RcuError, "offline"));
  reader.lock().unlock();
  restIdleReaders();
  reader.offline();
  assertEquals(reader.isOnline, false);
  reader.online();
  restIdleReaders();
  reader.unregister();
});

Deno.test("an arena is not closed under a reader that would hold up grace periods for ever", () => {
  const { handle } = Arena.create({ bytes: 1 << 20 });
  const arena = Arena.attach(handle);
  const srcu = Srcu.create(arena);
  const [memb, qsbr] = [RcuDomain.create(arena), RcuDomain.create(arena)];
  const reader = memb.register({ label: "idle" });
  const online = qsbr.register({ flavour: "qsbr", label: "online" });
  const refused = (label: string, state: string) => {
    const error = assertThrows(() => arena.close(), RcuError, `"${label}": the reader is ${state}`);
    assertEquals(error.code, "READER_STATE");
  };
  refused("online", "online");
  online.offline();
  for (const own of [reader, srcu.register({ label: "task" })]) {
    const guard = own.lock();
    refused(own.label, "inside a section");
    guard.unlock();
  }
  arena.close();
});
