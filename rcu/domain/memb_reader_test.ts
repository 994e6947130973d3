import { assert, assertEquals, assertThrows } from "@std/assert";
import { instantiateKernel } from "../kernel/kernel.ts";
import { SLOT } from "../kernel/layouts.ts";
import { Arena, EvictedError, RcuDomain, RcuError, RcuPointer } from "../mod.ts";

function create() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const updater = RcuDomain.attach(Arena.attach(arena.handle), domain.handle);
  const reader = domain.register({ label: "reader" });
  /** Whether a grace period that starts now ends at once. */
  const passes = () => updater.poll(updater.startPoll());
  return { arena, domain, updater, reader, passes };
}

Deno.test("only an open section holds up a grace period", () => {
  const { arena, domain, reader, passes } = create();
  assertEquals(reader.flavour, "memb");
  assert(passes());
  const outer = reader.lock();
  const inner = reader.lock();
  assert(!passes());
  inner.unlock();
  assert(!passes());
  outer.unlock();
  assert(passes());
  assertEquals(instantiateKernel(arena.memory).load64(SLOT.ctr.at(reader.slot)), 0);
  assertEquals(domain.stats().readers, 1);
});

Deno.test("a context registers once; unregistering inside a section is refused", () => {
  const { domain, reader, passes } = create();
  const again = assertThrows(() => domain.register(), RcuError, '"reader"');
  assertEquals(again.details, { label: "reader" });
  assertEquals(
    assertThrows(() => domain.register({ flavour: "qsbr" }), RcuError).code,
    "ALREADY_REGISTERED",
  );
  const guard = reader.lock();
  assertThrows(() => reader.unregister(), RcuError, "inside a section");
  assert(guard.open && !passes());
  guard.unlock();
  reader.unregister();
  assertEquals(domain.stats().readers, 0);
  for (const call of [() => reader.lock(), () => reader.unregister()]) {
    assertThrows(call, RcuError, "unregistered");
  }
  domain.register().unregister();
});

Deno.test("a context may read in several domains", () => {
  const { arena, reader } = create();
  const other = RcuDomain.create(arena).register();
  const [one, two] = [reader.lock(), other.lock()];
  one.unlock(); // sections of different domains need not nest
  two.unlock();
});

Deno.test("the fused section reads a word of the block, and leaves nothing open", () => {
  const { arena, reader, passes } = create();
  const block = arena.allocate(32);
  arena.u32[block / 4 + 3] = 0xfffffffe;
  const pointer = RcuPointer.create(arena, block);
  assertEquals(reader.readWord(pointer, 12), 0xfffffffe);
  assertEquals(reader.readWord(pointer, 0), 0);
  assert(!reader.inSection && passes());
  const guard = reader.lock();
  assertThrows(() => reader.readWord(pointer, 0), RcuError, "inside a section");
  assert(guard.open && !passes());
  guard.unlock();
  reader.unregister();
  assertThrows(() => reader.readWord(pointer, 0), RcuError, "unregistered");
});

for (const call of ["lock", "readWord"] as const) {
  Deno.test(`an expelled reader learns of it at ${call}, and at every call after that`, () => {
    const { arena, domain, updater, reader, passes } = create();
    const pointer = RcuPointer.create(arena, arena.allocate(16));
    const calls = { lock: () => reader.lock(), readWord: () => reader.readWord(pointer, 0) };
    updater.arena.expel(arena.token);
    const error = assertThrows(() => calls[call](), EvictedError);
    assertEquals(error.details.token, arena.token);
    assert(!reader.inSection && passes());
    for (const later of [calls.lock, calls.readWord, () => reader.unregister()]) {
      assertThrows(later, EvictedError);
    }
    assertEquals(domain.stats().readers, 0);
  });
}

Deno.test("the section of an expelled reader holds up grace periods until it ends", () => {
  const { arena, updater, reader, passes } = create();
  const guard = reader.lock();
  const inner = reader.lock();
  updater.arena.expel(arena.token);
  reader.lock().unlock(); // nested sections are part of the outermost
  inner.unlock();
  assert(!passes());
  guard.unlock();
  assert(passes());
  assertThrows(() => reader.lock(), EvictedError);
});

Deno.test("a mark that was meant for the slot's last owner is taken away", () => {
  const { arena, reader, passes } = create();
  const pointer = RcuPointer.create(arena, arena.allocate(16));
  const mark = () => SLOT.expelled.set(arena.u32, reader.slot, arena.token + 1);
  mark();
  const guard = reader.lock();
  assert(!passes());
  guard.unlock();
  mark();
  assertEquals(reader.readWord(pointer, 0), 0);
  assertEquals(SLOT.expelled.get(arena.u32, reader.slot), 0);
});

Deno.test("a word of a null pointer is an error, and the section is over", () => {
  const { arena, reader, passes } = create();
  const pointer = RcuPointer.create(arena);
  const error = assertThrows(() => reader.readWord(pointer, 4), RcuError, "it is null");
  assertEquals([error.code, error.details], ["NULL_POINTER", { pointer: pointer.offset }]);
  assert(passes());
});
