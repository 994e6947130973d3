import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, EvictedError, RcuError, RcuPointer, Srcu } from "../mod.ts";

function create(debug = false) {
  const arena = Arena.create({ bytes: 1 << 20, debug });
  const srcu = Srcu.create(arena);
  const updater = Srcu.attach(Arena.attach(arena.handle), srcu.handle);
  const reader = srcu.register({ label: "tasks" });
  return { arena, srcu, updater, reader, passes: () => updater.poll(updater.startPoll()) };
}

for (const debug of [false, true]) {
  Deno.test(`sections are independent and end in any order (debug mode: ${debug})`, () => {
    const { reader, passes } = create(debug);
    const guards = [reader.lock(), reader.lock(), reader.lock()];
    assertEquals(new Set(guards).size, 3);
    for (const index of [1, 0, 2]) {
      assert(!passes());
      assert(guards[index]!.open);
      guards[index]!.unlock();
      assert(!guards[index]!.open);
    }
    assertEquals(reader.openSections, 0);
    assert(passes());
  });

  Deno.test(`a section ends once (debug mode: ${debug})`, () => {
    const { reader, passes } = create(debug);
    const [first, second] = [reader.lock(), reader.lock()];
    first.unlock();
    assertEquals(assertThrows(() => first.unlock(), RcuError).code, "SECTION_ORDER");
    assertEquals(reader.openSections, 1);
    assert(second.open && !passes());
    second.unlock();
    assert(passes());
  });

  Deno.test(`using leaves the section, also across an await (debug mode: ${debug})`, async () => {
    const { reader, passes } = create(debug);
    {
      using guard = reader.lock();
      await Promise.resolve();
      assert(guard.open && !passes());
    }
    assert(passes());
  });
}

Deno.test("a task that ends its section twice ends no other task's", () => {
  const { reader, passes } = create();
  const first = reader.lock();
  first.unlock();
  const second = reader.lock(); // of another task
  assertEquals(assertThrows(() => first.unlock(), RcuError).code, "SECTION_ORDER");
  assert(!first.open && second.open && !passes());
  second.unlock();
  assert(passes());
});

Deno.test("debug mode catches a section kept past its end", () => {
  const { arena, reader } = create(true);
  const pointer = RcuPointer.create(arena, arena.allocate(16));
  const stale = reader.lock();
  stale.unlock();
  const guard = reader.lock();
  assertEquals(assertThrows(() => pointer.dereference(stale), RcuError).code, "SECTION_CLOSED");
  assertEquals(assertThrows(() => stale.unlock(), RcuError).code, "SECTION_ORDER");
  pointer.dereference(guard);
  guard.unlock();
});

Deno.test("a context registers once; unregistering inside a section is refused", () => {
  const { srcu, reader } = create();
  assertThrows(() => srcu.register(), RcuError, '"tasks"');
  const guard = reader.lock();
  assertThrows(() => reader.unregister(), RcuError, "inside a section");
  assert(guard.open);
  guard.unlock();
  reader.unregister();
  assertThrows(() => reader.lock(), RcuError, "unregistered");
  assertThrows(() => reader.unregister(), RcuError, "unregistered");
  assertEquals(srcu.stats().readers, 0);
  srcu.register().unregister();
});

Deno.test("an expelled reader enters no section, and is gone once those that are open have ended", () => {
  const { arena, srcu, updater, reader, passes } = create();
  const guard = reader.lock();
  updater.arena.expel(arena.token);
  assertThrows(() => reader.lock(), EvictedError);
  assert(!passes());
  assertEquals(srcu.stats().readers, 1);
  guard.unlock();
  assert(passes());
  assertThrows(() => reader.lock(), EvictedError);
  assertThrows(() => reader.unregister(), EvictedError);
  assertEquals(srcu.stats().readers, 0);
});

Deno.test("an expelled reader that is idle may unregister", () => {
  const { arena, srcu, updater, reader } = create();
  updater.arena.expel(arena.token);
  reader.unregister();
  assertEquals(srcu.stats().readers, 0);
});

Deno.test("a task sees in hurry that an updater waits, and the event loop is notified", async () => {
  const { reader, updater } = create();
  const guard = reader.lock();
  assert(!reader.hurry);
  const asked = Promise.withResolvers<void>();
  const end = reader.onHurry(asked.resolve);
  const over = updater.synchronizeSrcuAsync();
  await asked.promise;
  assert(reader.hurry);
  guard.unlock();
  assert(!reader.hurry);
  end();
  await over;
});
