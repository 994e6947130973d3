import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, RcuDomain, RcuError, Srcu, WaitInSectionError } from "../mod.ts";
import { quiesceIdle, refuseInSection, waitOutside } from "./waiting.ts";

function create() {
  const arena = Arena.create({ bytes: 1 << 20 });
  return { arena, domain: RcuDomain.create(arena), second: RcuDomain.create(arena) };
}

Deno.test("a QSBR reader is offline while its context waits, and online afterwards", () => {
  const { arena, domain } = create();
  const reader = domain.register({ flavour: "qsbr" });
  const result = waitOutside(arena, "wait for the device", () => {
    assert(!reader.isOnline);
    assertThrows(() => reader.lock(), RcuError, "offline");
    return 7;
  });
  assertEquals([result, reader.isOnline], [7, true]);
});

Deno.test("a reader that was offline stays so, and one is back online after a wait that throws", () => {
  const { arena, domain, second } = create();
  const [on, off] = [domain, second].map((own) => own.register({ flavour: "qsbr" }));
  off!.offline();
  const wait = () => {
    throw new RangeError("planted");
  };
  assertThrows(() => waitOutside(arena, "wait", wait), RangeError, "planted");
  assertEquals([on!.isOnline, off!.isOnline], [true, false]);
});

Deno.test("no wait inside a section, of whichever domain of the context", () => {
  const { arena, domain, second } = create();
  const reader = domain.register({ label: "vcpu" });
  second.register({ flavour: "qsbr" });
  const guard = reader.lock();
  let waited = false;
  const wait = () => waitOutside(arena, "reach the device", () => waited = true);
  const error = assertThrows(wait, WaitInSectionError, 'reach the device: reader "vcpu"');
  assertEquals([error.details.action, error.details.label], ["reach the device", "vcpu"]);
  assertThrows(() => second.synchronize(), WaitInSectionError);
  assertEquals(waited, false);
  guard.unlock();
  wait();
  assert(waited);
});

Deno.test("sections of another context do not matter", () => {
  const { arena, domain } = create();
  const open = domain.register().lock();
  const other = Arena.attach(arena.handle);
  assertEquals(waitOutside(other, "wait", () => 1), 1);
  open.unlock();
});

Deno.test("an SRCU section forbids the wait for its own domain only", () => {
  const { arena, domain } = create();
  const [srcu, other] = [Srcu.create(arena), Srcu.create(arena)];
  const guard = srcu.register({ label: "task" }).lock();
  refuseInSection(arena, "wait");
  assertThrows(() => refuseInSection(arena, "wait", srcu.offset), WaitInSectionError, '"task"');
  domain.synchronize();
  other.synchronizeSrcu();
  guard.unlock();
  refuseInSection(arena, "wait", srcu.offset);
});

Deno.test("between two turns idle QSBR readers report a quiescent state, others do not", () => {
  const { arena, domain, second } = create();
  const updater = RcuDomain.attach(Arena.attach(arena.handle), domain.handle);
  const idle = domain.register({ flavour: "qsbr" });
  const open = second.register({ flavour: "qsbr" }).lock();
  const secondUpdater = RcuDomain.attach(updater.arena, second.handle);
  const [cookie, secondCookie] = [updater.startPoll(), secondUpdater.startPoll()];
  assertEquals([updater.poll(cookie), secondUpdater.poll(secondCookie)], [false, false]);
  quiesceIdle(arena);
  assert(idle.isOnline);
  assertEquals([updater.poll(cookie), secondUpdater.poll(secondCookie)], [true, false]);
  open.unlock();
});
