import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Mapping } from "../_runs.ts";
import { IommuIndexError, NotifierError, ShadowConflictError } from "../errors.ts";
import { GuestRam } from "../model/guest_ram.ts";
import { SlowTable } from "../model/slow_table.ts";
import { GuestIommu } from "../unit/guest_iommu.ts";
import { TableIommu } from "../unit/table_iommu.ts";
import { RiscvWalker } from "../walker/riscv.ts";
import type { IommuEvent, IommuNotifier, NotifierKind } from "./notifier.ts";
import { ShadowMapping } from "./shadow_mapping.ts";

function setUp() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const iommu = new TableIommu({ arena, domain });
  const region = iommu.createRegion({ name: "nic" });
  const table = iommu.createTable();
  region.bind(0, table.id);
  return { arena, domain, iommu, region, table };
}

/** A notifier that writes down what it is told. */
function recorder(
  kinds: NotifierKind[],
  first: number | bigint = 0,
  last: number | bigint = 2n ** 64n - 1n,
): IommuNotifier & { events: IommuEvent[] } {
  const events: IommuEvent[] = [];
  return { kinds, first, last, index: 0, events, notify: (event) => events.push(event) };
}

const line = ({ kind, first, last, target, perm }: IommuEvent): string =>
  `${kind} ${first.toString(16)}-${last.toString(16)} ${target.toString(16)} ${perm}`;

Deno.test("notifiers are told of what they follow, clipped to their range", () => {
  const { region, table } = setUp();
  const all = recorder(["map", "unmap"]);
  const part = recorder(["map", "unmap", "deviceIotlbUnmap"], 0x2000, 0x2fff);
  const device = recorder(["deviceIotlbUnmap"]);
  for (const notifier of [all, part, device]) region.registerNotifier(notifier);
  table.map(0x1000, 0x3000, 0x8000, 3);
  table.unmap(0, 0x10_0000);
  region.notifyDeviceIotlb(0, 0x5000, 0x5fff);
  assertEquals(all.events.map(line), ["map 1000-3fff 8000 3", "unmap 1000-3fff 0 0"]);
  assertEquals(part.events.map(line), [
    "map 2000-2fff 9000 3",
    "unmap 2000-2fff 0 0",
    "deviceIotlbUnmap 2000-2fff 0 0",
  ]);
  assertEquals(device.events.map(line), [
    "deviceIotlbUnmap 1000-3fff 0 0",
    "deviceIotlbUnmap 5000-5fff 0 0",
  ]);
  region.unregisterNotifier(all);
  table.map(0, 0x1000, 0, 1);
  assertEquals(all.events.length, 2);
});

Deno.test("a registration that cannot be is refused", () => {
  const { arena, domain, region } = setUp();
  const good = recorder(["unmap"]);
  region.registerNotifier(good);
  const register = (notifier: IommuNotifier) => () => region.registerNotifier(notifier);
  assertThrows(register(good), NotifierError, "registered already");
  assertThrows(register(recorder([])), NotifierError, "names no kind");
  assertThrows(register(recorder(["map"], 0x2000, 0x1fff)), NotifierError, "behind its last");
  assertThrows(register({ ...recorder(["map"]), index: 1 }), IommuIndexError);
  assertThrows(() => region.unregisterNotifier(recorder(["map"])), NotifierError, "not registered");
  assertThrows(() => region.replay(recorder(["map"])), NotifierError, "not registered");
  const walker = new RiscvWalker({ memory: new GuestRam(1).window() });
  const silent = new GuestIommu({ arena, domain, walker }).createRegion({ name: "silent" });
  assertThrows(
    () => silent.registerNotifier(recorder(["map"])),
    NotifierError,
    'cannot tell of "map"',
  );
});

Deno.test("a replay tells what is mapped, joined; a new binding tells what went and what came", () => {
  const { iommu, region, table } = setUp();
  table.map(0x1000, 0x1000, 0x5000, 3);
  table.map(0x2000, 0x1000, 0x6000, 3);
  table.map(0x8000, 0x1000, 0, 1);
  const notifier = recorder(["map", "unmap"], 0, 0xffff);
  region.registerNotifier(notifier);
  region.replay(notifier);
  assertEquals(notifier.events.splice(0).map(line), ["map 1000-2fff 5000 3", "map 8000-8fff 0 1"]);
  const other = iommu.createTable();
  other.map(0x3000, 0x1000, 0, 2);
  region.bind(0, other.id);
  assertEquals(notifier.events.splice(0).map(line), [
    "unmap 1000-2fff 0 0",
    "unmap 8000-8fff 0 0",
    "map 3000-3fff 0 2",
  ]);
  region.bind(0, "bypass");
  assertEquals(notifier.events.map(line), ["unmap 3000-3fff 0 0", "map 0-ffff 0 3"]);
  table.map(0xa000, 0x1000, 0, 3);
  assertEquals(notifier.events.length, 2, "the table before is not followed any more");
});

/** A container that is a list of intervals, as slow and as strict as can be. */
function slowContainer() {
  const model = new SlowTable();
  const pages = ({ first, last, target, perm }: Mapping) => ({
    first: Number(first >> 12n),
    last: Number(last >> 12n),
    target: Number(target >> 12n),
    perm,
  });
  const mapDma = (mapping: Mapping): void => {
    if (!model.map(pages(mapping))) throw new Error("mapped already");
  };
  const unmapDma = (first: bigint, last: bigint): void => {
    model.unmap(Number(first >> 12n), Number(last >> 12n));
  };
  return { model, pages, mapDma, unmapDma };
}

Deno.test("a shadow stays equal to a table under a stream of changes (G6)", () => {
  const change = fc.record({
    kind: fc.constantFrom("map", "map", "unmap", "bind"),
    first: fc.integer({ min: 0, max: 1100 }),
    pages: fc.constantFrom(1, 2, 30, 512, 700),
    target: fc.integer({ min: 0, max: 2000 }),
    perm: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const { region, table } = setUp();
      table.map(0x3000, 0x2000, 0, 3);
      const container = slowContainer();
      const shadow = new ShadowMapping(region, container);
      for (const { kind, first, pages, target, perm } of changes) {
        const free = table.mappings(first * 4096, pages * 4096).length === 0;
        if (kind === "map" && free) table.map(first * 4096, pages * 4096, target * 4096, perm);
        if (kind === "unmap") table.unmap(first * 4096, pages * 4096);
        if (kind === "bind") region.bind(0, perm === 1 ? "blocked" : table.id);
        assertEquals(shadow.mappings, region.mappings());
        assertEquals(container.model.joined, region.mappings().map(container.pages));
      }
      shadow.close();
      assertEquals(container.model.joined, []);
    }),
    { seed: 1, numRuns: 100 },
  );
});

Deno.test("a shadow stays equal to a guest's tables as of their last invalidation (G6)", () => {
  const change = fc.record({
    slot: fc.integer({ min: 0, max: 40 }),
    page: fc.integer({ min: 0, max: 60 }),
    flags: fc.constantFrom(0, 0, 0xd7, 0xd7, 0xd3, 0x57, 0xd5),
    large: fc.boolean(),
    invalidate: fc.constantFrom("no", "page", "page", "all"),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const { arena, domain } = setUp();
      const ram = new GuestRam(16);
      ram.set(0, 0, (ram.at(1) >> 2n) | 1n);
      ram.set(1, 0, (ram.at(2) >> 2n) | 1n);
      const walker = new RiscvWalker({ memory: ram.window() });
      const iommu = new GuestIommu({ arena, domain, walker, cachingMode: true });
      iommu.setRoot((8n << 60n) | (7n << 44n) | (ram.at(0) >> 12n));
      const region = iommu.createRegion({ name: "nic" });
      const container = slowContainer();
      const shadow = new ShadowMapping(region, container);
      const pending = new Set<number>();
      for (const { slot, page, flags, large, invalidate } of changes) {
        const table = large ? 1 : 2;
        const value = (BigInt(large ? page * 512 : page) << 10n) | BigInt(flags);
        if (!large || slot > 0) ram.set(table, slot, value);
        const first = large ? slot * 512 : slot;
        const pages = large ? 512 : 1;
        if (invalidate === "no") {
          pending.add(first).add(pages);
          continue;
        }
        iommu.invalidate(
          invalidate === "all" ? {} : { domain: 7, first: first * 4096, size: pages * 4096 },
        );
        if (invalidate === "all") pending.clear();
        if (pending.size === 0) assertEquals(shadow.mappings, region.mappings());
        assertEquals(container.model.joined, shadow.mappings.map(container.pages));
      }
      iommu.invalidate();
      assertEquals(shadow.mappings, region.mappings());
      assertEquals(container.model.joined, region.mappings().map(container.pages));
      iommu.setRoot(0n);
      assertEquals(shadow.mappings.length, 1, "everything passes now");
    }),
    { seed: 1, numRuns: 100 },
  );
});

Deno.test("a shadow that is told of a mapping twice says so", () => {
  const { region, table } = setUp();
  const notifiers: IommuNotifier[] = [];
  const register = region.registerNotifier.bind(region);
  region.registerNotifier = (notifier) => {
    notifiers.push(notifier);
    register(notifier);
  };
  new ShadowMapping(region, { mapDma: () => {}, unmapDma: () => {} });
  table.map(0, 0x2000, 0, 3);
  const again: IommuEvent = { kind: "map", first: 0x1000n, last: 0x1fffn, target: 0n, perm: 3 };
  assertThrows(() => notifiers[0]!.notify(again), ShadowConflictError, "mapped already");
});

Deno.test("who follows unmappings alone is told of every invalidated range", () => {
  const { arena, domain } = setUp();
  const walker = new RiscvWalker({ memory: new GuestRam(1).window() });
  const iommu = new GuestIommu({ arena, domain, walker });
  const region = iommu.createRegion({ name: "vhost" });
  const notifier = recorder(["unmap"], 0, 0xffff_ffff);
  region.registerNotifier(notifier);
  iommu.invalidate({ first: 0x1000, size: 0x2000 });
  iommu.invalidate();
  assertEquals(notifier.events.map(line), ["unmap 1000-2fff 0 0", "unmap 0-ffffffff 0 0"]);
});
