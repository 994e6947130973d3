import { Schedule } from "#tools/testing/schedule.ts";
import { withWorkers, WorkerError } from "#tools/testing/workers.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Arena, RcuDomain, RcuError, RcuPointer } from "../mod.ts";
import type { Setup } from "./domain_test_worker.ts";

const WORKER = import.meta.resolve("./domain_test_worker.ts");

function create(debug: boolean) {
  const arena = Arena.create({ bytes: 1 << 20, debug });
  const domain = RcuDomain.create(arena);
  const data = {
    arena: arena.handle,
    domain: domain.handle,
    schedule: Schedule.create().buffer,
  };
  return { arena, domain, data };
}

const readers = (domain: RcuDomain, flavour: "memb" | "qsbr") =>
  flavour === "memb" ? domain.register() : domain.register({ flavour });

for (const debug of [false, true]) {
  for (const flavour of ["memb", "qsbr"] as const) {
    const mode = `${flavour}${debug ? ", debug mode" : ""}`;

    Deno.test(`guards nest, and each knows whether its section is open (${mode})`, () => {
      const { domain } = create(debug);
      const reader = readers(domain, flavour);
      const guards = [reader.lock(), reader.lock(), reader.lock()];
      assertEquals(reader.openSections, 3);
      for (let depth = 3; depth > 0; depth--) {
        assertEquals(guards.map((guard) => guard.open), [0, 1, 2].map((index) => index < depth));
        assert(reader.inSection);
        guards[depth - 1]!.unlock();
      }
      assertEquals([reader.inSection, reader.openSections], [false, 0]);
    });

    Deno.test(`a guard released twice, or out of order, throws and changes nothing (${mode})`, () => {
      const { domain } = create(debug);
      const reader = readers(domain, flavour);
      const outer = reader.lock();
      const inner = reader.lock();
      const error = assertThrows(() => outer.unlock(), RcuError);
      assertEquals(error.details, { depth: 1, open: 2 });
      assertEquals([outer.open, inner.open], [true, true]);
      inner.unlock();
      assertEquals(assertThrows(() => inner.unlock(), RcuError).code, "SECTION_ORDER");
      assert(outer.open);
      outer.unlock();
      assertEquals(assertThrows(() => outer.unlock(), RcuError).code, "SECTION_ORDER");
      assertEquals(assertThrows(() => inner.unlock(), RcuError).code, "SECTION_ORDER");
      assert(!reader.inSection);
      reader.lock().unlock();
    });

    Deno.test(`using leaves the section, also by an exception (${mode})`, () => {
      const { domain } = create(debug);
      const reader = readers(domain, flavour);
      {
        using outer = reader.lock();
        using inner = reader.lock();
        assert(outer.open && inner.open);
      }
      assert(!reader.inSection);
      assertThrows(() => {
        using _section = reader.lock();
        throw new RangeError("planted");
      }, RangeError);
      assert(!reader.inSection);
    });
  }
}

Deno.test("outside debug mode each depth has one guard, and a section allocates none", () => {
  const { domain } = create(false);
  const reader = domain.register();
  const [outer, inner] = [reader.lock(), reader.lock()];
  inner.unlock();
  outer.unlock();
  const again = [reader.lock(), reader.lock()];
  assert(again[0] === outer && again[1] === inner);
  again[1]!.unlock();
  again[0]!.unlock();
});

Deno.test("debug mode catches a guard kept past its section, though another is open at its depth", () => {
  const { arena, domain } = create(true);
  const reader = domain.register();
  const pointer = RcuPointer.create(arena, arena.allocate(16));
  const stale = reader.lock();
  stale.unlock();
  const guard = reader.lock();
  assertEquals([stale.open, guard.open], [false, true]);
  assertThrows(() => pointer.dereference(stale), RcuError, "dereference");
  assertEquals(assertThrows(() => stale.unlock(), RcuError).code, "SECTION_ORDER");
  assert(guard.open);
  pointer.dereference(guard);
  guard.unlock();
});

Deno.test("debug mode catches a guard kept past its section in a worker", () =>
  withWorkers(async (workers) => {
    const { arena, data } = create(true);
    const worker = workers.spawn<Setup>(WORKER, data);
    await worker.call("register", "memb");
    const cell = RcuPointer.create(arena, arena.allocate(16)).offset;
    await assertRejects(
      () => worker.call("useAfterSection", cell),
      WorkerError,
      "the read-side section of this guard is over",
    );
  }));

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`debug mode reports a ${flavour} section left open at the end of a turn`, () =>
    withWorkers(async (workers) => {
      const worker = workers.spawn<Setup>(WORKER, create(true).data);
      await worker.call("register", flavour, "leaky");
      assertStringIncludes(
        await worker.call("leak"),
        'Reader "leaky" left a read-side section open',
      );
    }));
}

Deno.test("debug mode checks once a turn, so that a worker in a loop piles up nothing", async () => {
  const { domain } = create(true);
  const reader = domain.register();
  const original = globalThis.queueMicrotask;
  let queued = 0;
  globalThis.queueMicrotask = (task) => (queued++, original(task));
  try {
    for (let round = 0; round < 1000; round++) reader.lock().unlock();
    assertEquals(queued, 1);
    await Promise.resolve();
    reader.lock().unlock();
    assertEquals(queued, 2);
  } finally {
    globalThis.queueMicrotask = original;
  }
});

Deno.test("debug mode reports a section that spans an await, in the same turn", async () => {
  const { domain } = create(true);
  const reader = domain.register({ label: "here" });
  const errors: unknown[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    errors.push(event.error);
  };
  addEventListener("error", listener);
  try {
    const guard = reader.lock();
    await Promise.resolve();
    guard.unlock();
    await new Promise((next) => setTimeout(next, 0));
    assertEquals(errors.length, 1);
    assert(errors[0] instanceof RcuError);
    assertEquals(errors[0].details, { label: "here" });

    const brief = reader.lock();
    brief.unlock();
    await new Promise((next) => setTimeout(next, 0));
    assertEquals(errors.length, 1);
  } finally {
    removeEventListener("error", listener);
  }
});
