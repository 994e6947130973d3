import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals, assertThrows } from "@std/assert";
import { assertSpyCalls, type Spy, spy } from "@std/testing/mock";
import { IommuError, type IommuErrorDetails } from "../errors/iommu_error.ts";
import { GuestRam } from "../testdata/guest_ram.ts";
import { GuestIommu } from "../unit/guest_iommu.ts";
import { TableIommu } from "../unit/table_iommu.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import type { IommuEvent, IommuNotifier } from "./iommu_notifier.ts";

function setUp() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const iommu = new TableIommu({ arena, domain });
  const region = iommu.createRegion({ name: "nic" });
  const table = iommu.createTable();
  region.bind(0, table.id);
  return { arena, domain, iommu, region, table };
}

type SpyNotifier = IommuNotifier & { notify: Spy<unknown, [IommuEvent], void> };

/** A notifier for index 0, with a spy. */
function createNotifier(
  kinds: IommuEvent["kind"][],
  first: number | bigint = 0,
  last: number | bigint = 2n ** 64n - 1n,
): SpyNotifier {
  return { kinds, first, last, index: 0, notify: spy((_: IommuEvent) => {}) };
}

const line = ({ kind, first, last, target, perm }: IommuEvent): string =>
  `${kind} ${first.toString(16)}-${last.toString(16)} ${target.toString(16)} ${perm}`;

/** The events that a notifier received, from one of them on. */
const received = ({ notify }: SpyNotifier, from = 0): string[] =>
  notify.calls.slice(from).map(({ args: [event] }) => line(event));

Deno.test("notifiers receive what they follow, clipped to their range", () => {
  const { region, table } = setUp();
  const all = createNotifier(["map", "unmap"]);
  const part = createNotifier(["map", "unmap", "deviceIotlbUnmap"], 0x2000, 0x2fff);
  const device = createNotifier(["deviceIotlbUnmap"]);
  for (const notifier of [all, part, device]) region.registerNotifier(notifier);
  table.map(0x1000, 0x3000, 0x8000, 3);
  table.unmap(0, 0x10_0000);
  region.notifyDeviceIotlb(0, 0x5000, 0x5fff);
  assertEquals(received(all), ["map 1000-3fff 8000 3", "unmap 1000-3fff 0 0"]);
  assertEquals(received(part), [
    "map 2000-2fff 9000 3",
    "unmap 2000-2fff 0 0",
    "deviceIotlbUnmap 2000-2fff 0 0",
  ]);
  assertEquals(received(device), [
    "deviceIotlbUnmap 1000-3fff 0 0",
    "deviceIotlbUnmap 5000-5fff 0 0",
  ]);
  region.unregisterNotifier(all);
  table.map(0, 0x1000, 0, 1);
  assertSpyCalls(all.notify, 2);
});

Deno.test("an invalid registration is refused", () => {
  const { arena, domain, region } = setUp();
  const refused = (code: keyof IommuErrorDetails, run: () => void, message?: string) =>
    assertEquals(assertThrows(run, IommuError, message).code, code);
  const register = (notifier: IommuNotifier) => () => region.registerNotifier(notifier);
  const good = createNotifier(["unmap"]);
  register(good)();
  refused("INVALID_NOTIFIER", register(good), "registered already");
  refused("INVALID_NOTIFIER", register(createNotifier([])), "names no kind");
  const backwards = createNotifier(["map"], 0x2000, 0x1fff);
  refused("INVALID_NOTIFIER", register(backwards), "beyond its last");
  refused("INVALID_INDEX", register({ ...createNotifier(["map"]), index: 1 }));
  const unknown = createNotifier(["map"]);
  refused("INVALID_NOTIFIER", () => region.unregisterNotifier(unknown), "not registered");
  refused("INVALID_NOTIFIER", () => region.replay(unknown), "not registered");
  const walker = new RiscvWalker({ memory: new GuestRam(1).window() });
  const silent = new GuestIommu({ arena, domain, walker }).createRegion({ name: "silent" });
  const follow = () => silent.registerNotifier(createNotifier(["map"]));
  refused("INVALID_NOTIFIER", follow, 'cannot report "map"');
});

Deno.test("a replay reports what is mapped, merged; a new binding what was and what is mapped", () => {
  const { iommu, region, table } = setUp();
  table.map(0x1000, 0x1000, 0x5000, 3);
  table.map(0x2000, 0x1000, 0x6000, 3);
  table.map(0x8000, 0x1000, 0, 1);
  const notifier = createNotifier(["map", "unmap"], 0, 0xffff);
  region.registerNotifier(notifier);
  region.replay(notifier);
  assertEquals(received(notifier), ["map 1000-2fff 5000 3", "map 8000-8fff 0 1"]);
  const other = iommu.createTable();
  other.map(0x3000, 0x1000, 0, 2);
  region.bind(0, other.id);
  assertEquals(received(notifier, 2), [
    "unmap 1000-2fff 0 0",
    "unmap 8000-8fff 0 0",
    "map 3000-3fff 0 2",
  ]);
  region.bind(0, "bypass");
  assertEquals(received(notifier, 5), ["unmap 3000-3fff 0 0", "map 0-ffff 0 3"]);
  table.map(0xa000, 0x1000, 0, 3);
  assertSpyCalls(notifier.notify, 7); // the previous table is no longer followed
});

Deno.test("a follower of unmappings alone receives every invalidated range", () => {
  const { arena, domain } = setUp();
  const walker = new RiscvWalker({ memory: new GuestRam(1).window() });
  const iommu = new GuestIommu({ arena, domain, walker });
  const region = iommu.createRegion({ name: "vhost" });
  const notifier = createNotifier(["unmap"], 0, 0xffff_ffff);
  region.registerNotifier(notifier);
  iommu.invalidate({ first: 0x1000, size: 0x2000 });
  iommu.invalidate();
  assertEquals(received(notifier), ["unmap 1000-2fff 0 0", "unmap 0-ffffffff 0 0"]);
});
