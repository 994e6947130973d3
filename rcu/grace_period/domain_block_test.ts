import { assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  ArenaExhaustedError,
  type DomainHandle,
  RcuDomain,
  RcuError,
  Srcu,
} from "../mod.ts";

Deno.test("options out of their range are refused and take no memory", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const before = arena.stats().liveBlocks;
  for (const value of [0, -1, 1.5, NaN, 2 ** 32]) {
    for (const name of ["readers", "maxDeferred", "maxDeferredBytes", "stallMs"]) {
      assertThrows(
        () => RcuDomain.create(arena, { [name]: value }),
        RangeError,
        `${name} ${value}`,
      );
    }
  }
  assertThrows(() => RcuDomain.create(arena, { readers: 65537 }), RangeError);
  assertEquals(
    assertThrows(() => RcuDomain.create(arena, { label: "x".repeat(33) }), RcuError).code,
    "LABEL_TOO_LONG",
  );
  assertEquals(arena.stats().liveBlocks, before);
});

Deno.test("a domain that the arena has no room for leaves the arena as it was (RCU-G9)", () => {
  const arena = Arena.create({ bytes: 1 << 17 });
  const before = arena.stats();
  assertThrows(() => RcuDomain.create(arena, { readers: 4096 }), ArenaExhaustedError);
  assertThrows(() => Srcu.create(arena, { readers: 4096 }), ArenaExhaustedError);
  assertEquals(arena.stats(), before);
  arena.checkHeap();
});

Deno.test("attach refuses handles that name no domain of this arena", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const foreign = RcuDomain.create(Arena.create({ bytes: 1 << 20 })).handle;
  const srcu = Srcu.create(arena).handle;
  const own = RcuDomain.create(arena).handle;
  const refuse = (handle: DomainHandle, reason: string) =>
    assertThrows(() => RcuDomain.attach(arena, handle), RcuError, reason);

  refuse(foreign, foreign.arena);
  refuse(srcu, "guestmem-srcu");
  refuse({ ...srcu, kind: "guestmem-rcu" }, "no such domain");
  for (const offset of [0, -128, own.offset + 64, 0.5, NaN]) refuse({ ...own, offset }, "aligned");
  for (const offset of [own.offset + 128, 2 ** 40]) refuse({ ...own, offset }, "no such domain");
  refuse({ ...own, kind: "other" as "guestmem-rcu" }, "kind other");
  for (const nothing of [undefined, null, 7, {}]) {
    refuse(nothing as unknown as DomainHandle, "kind");
  }
  assertEquals(assertThrows(() => Srcu.attach(arena, own), RcuError).code, "FOREIGN_DOMAIN");
  assertEquals(RcuDomain.attach(arena, own).offset, own.offset);
});

Deno.test("attach refuses a domain that was destroyed", async () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const before = arena.stats().liveBlocks;
  const domain = RcuDomain.create(arena);
  domain.destroy();
  assertEquals(
    assertThrows(() => RcuDomain.attach(arena, domain.handle), RcuError).code,
    "FOREIGN_DOMAIN",
  );
  assertEquals(arena.stats().liveBlocks, before);
  assertEquals(
    (await arena.evict(Arena.attach(arena.handle).token, { stopped: true })).members,
    {},
  );
});

Deno.test("a domain in use is not destroyed", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const busy = (readers: number, blocks: number, functions: number) => {
    const error = assertThrows(() => domain.destroy(), RcuError);
    assertEquals(error.details, { readers, blocks, functions });
  };
  const reader = domain.register();
  busy(1, 0, 0);
  reader.unregister();
  domain.deferFree(arena.allocate(16));
  busy(0, 1, 0);
  domain.callRcu(() => {});
  busy(0, 1, 1);
  domain.barrier();
  domain.destroy();
});

Deno.test("the label and the limits come with the domain", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const created = RcuDomain.create(arena, { label: "map ✓" });
  const attached = RcuDomain.attach(Arena.attach(arena.handle), structuredClone(created.handle));
  assertEquals(attached.label, "map ✓");
});

Deno.test("a handle of a destroyed domain does not fit the domain that took its place", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  domain.destroy();
  const later = RcuDomain.create(arena);
  assertEquals(later.handle.offset, domain.handle.offset);
  assertThrows(() => RcuDomain.attach(arena, domain.handle), RcuError, "no such domain");
  assertEquals(RcuDomain.attach(arena, later.handle).offset, later.offset);
});
