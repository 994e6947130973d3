/** Lookups in memslots, in one context. */

import { Arena } from "@guestmem/rcu";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { OUTCOME } from "../kernel/layouts.ts";
import { commitSteps } from "./batch_commit.ts";
import { Memslots } from "./memslots.ts";
import type { Memslot } from "./slot_table.ts";
import { refused } from "../testdata/refused.ts";
import { create, HOST, PAGE, setUp, slot } from "../testdata/small_slots.ts";

Deno.test("lookups agree with a linear scan", () => {
  const geometry = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 1, max: 9 })),
    {
      maxLength: 30,
    },
  );
  fc.assert(
    fc.property(geometry, fc.boolean(), (gaps, high) => {
      const { slots, look } = setUp();
      let gfn = high ? 2 ** 51 : 0;
      const wanted = gaps.map(([gap, pages], id): Memslot => {
        const baseGfn = gfn + gap;
        gfn = baseGfn + pages;
        return { id, baseGfn, pages, host: HOST + id * 2 ** 30, flags: 0 };
      });
      create(slots, ...wanted);
      look((table) => {
        for (let at = high ? 2 ** 51 : 0; at <= gfn; at++) {
          const found = wanted.find(({ baseGfn, pages }) => at >= baseGfn && at < baseGfn + pages);
          const host = found ? found.host + (at - found.baseGfn) * PAGE : OUTCOME.NO_SLOT;
          assertEquals(slots.gfnToHost(table, at), host);
          const row = slots.find(table, at);
          assertEquals(row === 0 ? undefined : slots.slot(row), found);
        }
        assertEquals(slots.slots(table), wanted);
      });
    }),
    { seed: 1, numRuns: 50 },
  );
});

Deno.test("the shadow MMU is sized by the pages of all slots", () => {
  const { slots, look } = setUp();
  create(slots, slot(0, 0, 100_000), slot(1, 200_000, 50_049));
  look((table) => {
    assertEquals(slots.pageCount(table), 150_049);
    assertEquals(slots.shadowPageCount(table), 3000);
  });
});

Deno.test("host ranges are visited in every slot that has part of them", () => {
  const { slots, look } = setUp();
  const host = HOST;
  create(
    slots,
    { id: 0, baseGfn: 0, pages: 16, host, flags: 0 },
    { id: 1, baseGfn: 100, pages: 4, host: host + 14 * PAGE, flags: 0 },
    { id: 2, baseGfn: 200, pages: 4, host: host + 100 * PAGE, flags: 0 },
  );
  look((table) => {
    const visited: number[][] = [];
    slots.forEachInHostRange(table, host + 13 * PAGE + 5, host + 15 * PAGE, (row, first, last) => {
      visited.push([slots.slot(row).id, first, last]);
    });
    assertEquals(visited, [[0, 13, 15], [1, 100, 101]]);
  });
});

Deno.test("gfns and host addresses are numbers or bigints alike", () => {
  const { slots, look } = setUp();
  const batch = slots.batch();
  batch.create({ id: 0, baseGfn: 16n, pages: 4n, host: BigInt(HOST), flags: 0 });
  batch.move(0, 32n);
  batch.commit();
  look((table) => {
    assertEquals(slots.slots(table), [{ id: 0, baseGfn: 32, pages: 4, host: HOST, flags: 0 }]);
    assertEquals(slots.gfnToHost(table, 33n), HOST + PAGE);
    assertEquals(slots.find(table, 33n), slots.find(table, 33));
    const seen: number[][] = [];
    slots.forEachInHostRange(table, BigInt(HOST), BigInt(HOST + PAGE), (_, first, last) => {
      seen.push([first, last]);
    });
    assertEquals(seen, [[32, 33]]);
    refused("INVALID_ADDRESS", () => slots.gfnToHost(table, -1n));
    refused("INVALID_ADDRESS", () => slots.find(table, 2n ** 53n));
  });
});

Deno.test("the real-mode TSS lies on the third page from the end of slot 0", () => {
  const { slots, look } = setUp();
  assertEquals(look((table) => slots.rmodeTssBase(table)), OUTCOME.NO_SLOT);
  create(slots, slot(3, 0, 16), slot(0, 32, 8));
  assertEquals(look((table) => slots.rmodeTssBase(table)), 37 * PAGE);
  const batch = slots.batch();
  batch.delete(0);
  batch.create(slot(0, 64, 3));
  const steps = commitSteps(batch["prepare"](), undefined);
  steps.next();
  assertEquals(look((table) => slots.rmodeTssBase(table)), OUTCOME.RETRY);
  while (!steps.next().done);
  assertEquals(look((table) => slots.rmodeTssBase(table)), 64 * PAGE);
  const small = slots.batch();
  small.delete(0);
  small.create(slot(0, 0x1000, 2));
  small.commit();
  assertEquals(look((table) => slots.rmodeTssBase(table)), OUTCOME.NO_SLOT);
  const ids = look((table) => [0, 15, 16, 0x1001].map((gfn) => slots.memslotId(table, gfn)));
  assertEquals(ids, [3, 3, OUTCOME.NO_SLOT, 0]);
});

Deno.test("foreign handles are refused", () => {
  const { arena, slots } = setUp();
  const { handle } = slots;
  refused("FOREIGN_HANDLE", () => Memslots.attach(Arena.create({ bytes: 1 << 20 }), handle));
  for (const wrong of [{ ...handle, kind: "x" }, { ...handle, offset: handle.offset + 64 }]) {
    refused("FOREIGN_HANDLE", () => Memslots.attach(arena, wrong as typeof handle));
  }
});
