import { Schedule } from "#tools/testing/schedule.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Setup } from "./grace_period_test_worker.ts";
import { DOMAIN, SLOT } from "../kernel/layouts.ts";
import { Arena, EvictedError, RcuDomain, RcuError } from "../mod.ts";
import { claimedSlots, claimSlot, nameReader, releaseSlot } from "./slots.ts";

const WORKER = import.meta.resolve("./grace_period_test_worker.ts");

function create(readers: number) {
  const arena = Arena.create({ bytes: 1 << 20, label: "main" });
  const domain = RcuDomain.create(arena, { readers });
  const attach = () => {
    const own = Arena.attach(arena.handle);
    return { arena: own, domain: RcuDomain.attach(own, domain.handle) };
  };
  return { arena, domain, attach };
}

Deno.test("no two slots share a cache line", () => {
  const { domain, attach } = create(4);
  const slots = [1, 2, 3, 4].map(() => attach().domain.register().slot);
  assertEquals(SLOT.size % 64, 0);
  assertEquals(domain.offset % SLOT.size, 0);
  assertEquals(slots.map((slot) => (slot - domain.offset) % SLOT.size), [0, 0, 0, 0]);
  assertEquals(new Set(slots).size, 4);
});

Deno.test("beyond the limit of readers there is an error, and a released slot can be claimed", () => {
  const { domain, attach } = create(2);
  const first = domain.register();
  attach().domain.register();
  const third = attach().domain;
  const error = assertThrows(() => third.register(), RcuError, "2 readers");
  assertEquals(error.details, { limit: 2, expelled: 0 });
  assertEquals(domain.stats().readers, 2);
  first.unregister();
  assertEquals(third.register().slot, first.slot);
});

Deno.test("a label that is too long claims no slot", () => {
  const { domain } = create(1);
  assertEquals(
    assertThrows(() => domain.register({ label: "x".repeat(33) }), RcuError).code,
    "LABEL_TOO_LONG",
  );
  assertEquals(domain.stats().readers, 0);
  domain.register({ label: "x".repeat(32) });
});

Deno.test("a reader is named by label, token, flavour and slot", () => {
  const { arena, domain, attach } = create(3);
  const other = attach();
  const memb = domain.register({ label: "one" });
  const qsbr = other.domain.register({ flavour: "qsbr", label: "two" });
  assertEquals(claimedSlots(arena, domain.offset).map((slot) => nameReader(arena, slot)), [
    { label: "one", token: arena.token, flavour: "memb", slot: memb.slot },
    { label: "two", token: other.arena.token, flavour: "qsbr", slot: qsbr.slot },
  ]);
});

Deno.test("an eviction gives back the slots of its context, and of no other", async () => {
  const { arena, domain, attach } = create(2);
  const stopped = attach();
  const { slot } = stopped.domain.register();
  const alive = attach();
  const { slot: other } = alive.domain.register();
  assertEquals((await arena.evict(stopped.arena.token, { stopped: true })).members, { readers: 1 });
  assertEquals(claimedSlots(arena, domain.offset), [other]);
  assertEquals(domain.register().slot, slot);
});

Deno.test("the slot of an expelled reader is its own until it has learnt of it", () => {
  const { arena, domain, attach } = create(1);
  const expelled = attach();
  const reader = expelled.domain.register();
  arena.expel(expelled.arena.token);
  const error = assertThrows(() => domain.register(), RcuError);
  assertEquals(error.details, { limit: 1, expelled: 1 });
  assertThrows(() => reader.lock(), EvictedError);
  assertEquals(domain.register().slot, reader.slot);
});

Deno.test("a supervisor that comes second frees nothing: somebody may have claimed the slot since", async () => {
  const { arena, domain, attach } = create(1);
  const stopped = attach();
  const { slot } = stopped.domain.register();
  await arena.evict(stopped.arena.token, { stopped: true });
  const fresh = attach().domain.register({ label: "fresh" });
  const guard = fresh.lock();
  assertEquals(fresh.slot, slot);
  const again = await arena.evict(stopped.arena.token, { stopped: true });
  assertEquals([again.wasAttached, again.members], [false, {}]);
  assert(!domain.poll(domain.startPoll()));
  assertEquals(nameReader(arena, slot).label, "fresh");
  guard.unlock();
});

Deno.test("updaters scan no more slots than those up to the last that has an owner", () => {
  const { arena, domain, attach } = create(4);
  const used = () => DOMAIN.slotsUsed.low(arena.u32, domain.offset);
  const readers = [1, 2, 3, 4].map(() => attach().domain.register());
  readers[2]!.unregister();
  assertEquals(used(), 4);
  readers[3]!.unregister();
  assertEquals(used(), 2);
  attach().domain.register();
  assertEquals(used(), 3);
});

Deno.test("an evicted context registers no reader before it attaches anew", () => {
  const { arena, domain, attach } = create(2);
  const evicted = attach();
  arena.evict(evicted.arena.token, { stopped: true });
  assertThrows(() => evicted.domain.register(), EvictedError);
  assertEquals(domain.stats().readers, 0);
});

Deno.test("a claim clears what was stored to a slot since it was given up", () => {
  const { arena, domain } = create(1);
  const claimed = claimSlot(arena, domain.offset, "memb", "");
  const { slot } = claimed;
  assert(releaseSlot(claimed) && !releaseSlot(claimed));
  for (const word of [SLOT.expelled, SLOT.waiting, SLOT.hurry]) word.set(arena.u32, slot, 1);
  const reader = domain.register();
  assertEquals(reader.slot, slot);
  assertEquals(reader.hurry, false);
  reader.lock().unlock();
});

Deno.test("workers that claim at once get different slots", () =>
  withWorkers(async (workers) => {
    const { arena, domain } = create(2);
    const data = {
      arena: arena.handle,
      domain: domain.handle,
      schedule: Schedule.create().buffer,
      words: new SharedArrayBuffer(32),
    };
    const pair = [0, 1].map(() => workers.spawn<Setup>(WORKER, data));
    // With two slots for two workers no claim may fail, and each round gives its slot back.
    const first = domain.offset + DOMAIN.size;
    const shared = await Promise.all(pair.map((worker) => worker.call("claim", 2000, first)));
    assertEquals(shared, [0, 0]);
    assertEquals(domain.stats().readers, 0);
  }));
