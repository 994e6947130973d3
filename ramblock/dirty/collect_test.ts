/** Collections of dirty pages: log epochs, and waits that fail. */

import { Arena, RcuDomain, WaitInSectionError } from "@guestmem/rcu";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GuestRam } from "../blocks/guest_ram.ts";
import { RamList } from "../blocks/ram_list.ts";
import { refused } from "../testdata/refused.ts";
import { DIRTY_CLIENT } from "./dirty_clients.ts";

const PAGE = 4096;
const PAGES = 400;

/** RAM of 400 pages, all clean, and the reader of a context that collects. */
function collected() {
  const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
  const ram = GuestRam.create(domain, { bytes: 1 << 22, dirtyChunkPages: 64 });
  new RamList(ram).addAnonymous({ name: "ram", length: PAGES * PAGE });
  const reader = domain.register();
  for (const client of Object.values(DIRTY_CLIENT)) ram.dirty.collect(reader, client);
  return { domain, ram, reader, dirty: ram.dirty };
}

Deno.test("a collection takes the marks once, and begins another log epoch", async () => {
  const { domain, ram, reader, dirty } = collected();
  const { VGA, MIGRATION } = DIRTY_CLIENT;
  const mark = (page: number) => {
    const guard = reader.lock();
    dirty.mark(guard, page * PAGE, 1 << MIGRATION | 1 << VGA);
    guard.unlock();
  };
  const { epoch } = dirty;
  for (const page of [3, 70, PAGES - 1]) mark(page);
  assertEquals([...dirty.collect(reader, MIGRATION)], [3, 70, PAGES - 1]);
  assertEquals([...dirty.collect(reader, MIGRATION)], []);
  assertEquals(dirty.epoch, epoch + 2);
  const range = { address: 70 * PAGE, length: BigInt(PAGE) };
  assertEquals([...dirty.collect(reader, VGA, range)], [70]);
  assertEquals([...await dirty.collectAsync(reader, VGA, { address: 71 * PAGE })], [PAGES - 1]);
  assertEquals([...await dirty.collectAsync(reader, VGA)], [3]);
  const beyond = { address: 0, length: 2 ** 40 };
  refused("DIRTY_RANGE", () => dirty.collect(reader, VGA, beyond));
  assertEquals(GuestRam.attach(domain.arena, ram.handle).dirty.epoch, dirty.epoch);
});

Deno.test("a collection whose wait fails leaves the marks for the next one", async () => {
  const { domain, reader, dirty } = collected();
  const { MIGRATION } = DIRTY_CLIENT;
  const open = reader.lock();
  for (const page of [3, 70]) dirty.mark(open, page * PAGE, 1 << MIGRATION);
  assertThrows(() => dirty.collect(reader, MIGRATION), WaitInSectionError);
  open.unlock();
  assertEquals([...dirty.collect(reader, MIGRATION)], [3, 70]);

  // A reader of another context holds the grace period up.
  const other = RcuDomain.attach(Arena.attach(domain.arena.handle), domain.handle).register();
  const held = other.lock();
  const guard = reader.lock();
  dirty.mark(guard, 5 * PAGE, 1 << MIGRATION);
  guard.unlock();
  const controller = new AbortController();
  const waiting = dirty.collectAsync(reader, MIGRATION, { signal: controller.signal });
  controller.abort(new Error("planted"));
  await assertRejects(() => waiting, Error, "planted");
  held.unlock();
  assertEquals([...dirty.collect(reader, MIGRATION)], [5]);
});
