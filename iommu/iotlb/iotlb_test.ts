import { Arena } from "@guestmem/rcu";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MAX_PAGES, SPAN } from "../addresses/pages.ts";
import { EVERY_DOMAIN, InvalidationLog, LOG, LOG_RECORDS } from "./invalidation_log.ts";
import { Iotlb } from "./iotlb.ts";
import { IotlbEntry } from "./iotlb_entry.ts";

function setUp(entries: number) {
  const arena = Arena.create({ bytes: 1 << 16 });
  const log = new InvalidationLog(arena, arena.allocate(LOG.size, LOG.alignment));
  const iotlb = new Iotlb(log, entries);
  const entry = new IotlbEntry();
  const put = (context: number, page: number, level = 0, domain = context): void => {
    entry.iova = (page - page % SPAN[level]!) * 4096;
    entry.translated = entry.iova + 2 ** 40;
    entry.perm = 3;
    entry.target = 1;
    iotlb.insert(context, domain, level, entry);
  };
  const has = (context: number, page: number): boolean => {
    iotlb.catchUp();
    return iotlb.find(context, page, 0, entry);
  };
  return { log, iotlb, entry, put, has };
}

Deno.test("an invalidation drops what overlaps its range in its domain, of every page size", () => {
  const { log, put, has, iotlb } = setUp(1024);
  put(1, 10);
  put(1, 11);
  put(2, 10);
  put(1, 512 * 7, 1);
  put(1, 512 * 512 * 3, 2);
  log.append(1, 11, 511);
  assertEquals([has(1, 10), has(1, 11), has(2, 10)], [true, false, true]);
  log.append(1, 512 * 7 + 500, 512 * 7 + 500);
  assertEquals([has(1, 512 * 7 + 3), has(1, 512 * 512 * 3 + 99)], [false, true]);
  log.append(1);
  assertEquals([has(1, 10), has(1, 512 * 512 * 3), has(2, 10)], [false, false, true]);
  log.append(EVERY_DOMAIN);
  assertEquals(has(2, 10), false);
  const { rangeInvalidations, domainInvalidations, fullInvalidations } = iotlb.stats;
  assertEquals([rangeInvalidations, domainInvalidations, fullInvalidations], [2, 1, 1]);
});

Deno.test("an IOTLB that has missed more invalidations than the log holds drops everything", () => {
  const { log, iotlb, put, has } = setUp(64);
  put(1, 5);
  for (let i = 0; i < LOG_RECORDS - 1; i++) log.append(9, 0, 0);
  assertEquals(has(1, 5), true, "63 can be processed");
  for (let i = 0; i < LOG_RECORDS; i++) log.append(9, 0, 0);
  assertEquals(has(1, 5), false, "64 cannot");
  assertEquals(iotlb.stats.fullInvalidations, 1);
  put(1, 5);
  assertEquals(has(1, 5), true, "and then it works again");
});

Deno.test("a log that wraps around while it is read is not believed", () => {
  const { log } = setUp(64);
  const seen = log.tail;
  log.append(1, 0, 0);
  const append = () => {
    for (let i = 0; i < LOG_RECORDS; i++) log.append(2, 0, 0);
  };
  assertEquals(log.readFrom(seen, append), -1);
});

Deno.test("buffers at strides of every power of two do not evict each other", () => {
  for (let shift = 0; shift < 30; shift++) {
    const { put, has } = setUp(256);
    const pages = Array.from({ length: 16 }, (_, i) => i * 2 ** shift);
    for (const page of pages) put(1, page);
    const found = pages.filter((page) => has(1, page)).length;
    assert(found >= 8, `stride 2^${shift}: ${found} of 16`);
  }
  const { put, has } = setUp(256);
  const neighbours = Array.from({ length: 128 }, (_, i) => i);
  for (const page of neighbours) put(1, page);
  assertEquals(neighbours.filter((page) => has(1, page)).length, 128);
});

Deno.test("an entry that allows less than the access wants is a miss, so that a walk decides", () => {
  const { entry, iotlb } = setUp(64);
  entry.iova = 0;
  entry.translated = 4096;
  entry.perm = 1;
  iotlb.insert(1, 1, 0, entry);
  const found = ([0, 1, 2, 3] as const).map((access) => iotlb.find(1, 0, access, entry));
  assertEquals(found, [true, true, false, false]);
});

Deno.test("whatever is inserted and dropped, nothing stale is ever found", () => {
  const pages = fc.constantFrom(0, 1, 2, 511, 512, 513, 512 * 512, MAX_PAGES - 1);
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom("put", "put", "drop"),
      context: fc.integer({ min: 1, max: 3 }),
      page: pages,
      to: pages,
      level: fc.integer({ min: 0, max: 2 }),
      target: fc.integer({ min: 1, max: 1000 }),
    }),
    { maxLength: 120 },
  );
  let found = 0;
  fc.assert(
    fc.property(steps, fc.constantFrom(1, 4, 256), (list, entries) => {
      const { log, iotlb, entry } = setUp(entries);
      // What is true: the leaves by context and first page. A page is in one leaf at a time.
      let leaves: { context: number; first: number; last: number; target: number }[] = [];
      for (const { kind, context, page, to, level, target } of list) {
        const [from, upTo] = [Math.min(page, to), Math.max(page, to)];
        if (kind === "drop") {
          leaves = leaves.filter((leaf) =>
            leaf.context !== context || leaf.last < from || upTo < leaf.first
          );
          log.append(context, from, upTo);
        } else {
          const first = page - page % SPAN[level]!;
          const leaf = { context, first, last: first + SPAN[level]! - 1, target };
          const isFree = !leaves.some((other) =>
            other.context === context && other.first <= leaf.last && leaf.first <= other.last
          );
          if (!isFree) continue;
          leaves.push(leaf);
          iotlb.catchUp();
          entry.iova = first * 4096;
          entry.translated = target * 2 ** 30;
          entry.perm = 3;
          iotlb.insert(context, context, level, entry);
        }
        iotlb.catchUp();
        if (!iotlb.find(context, page, 3, entry)) continue;
        const truth = leaves.find((leaf) =>
          leaf.context === context && leaf.first <= page && page <= leaf.last
        );
        assertEquals(entry.iova, truth && truth.first * 4096);
        assertEquals(entry.translated, truth && truth.target * 2 ** 30);
        found++;
      }
    }),
    { seed: 1, numRuns: 300 },
  );
  assert(found > 500, `${found} were found`);
});
