import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, ArenaExhaustedError, RcuDomain } from "@guestmem/rcu";
import { PhysMapError } from "@guestmem/physmap";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { physicalRoot } from "../render/physical_root.ts";
import { renderRanges } from "../render/render.ts";
import { Topology } from "./topology.ts";
import type { AddressSpace } from "../view/address_space.ts";
import { AddressSpaceReader } from "../view/address_space_reader.ts";

const ALL = 2n ** 64n;

function setUp(bytes = 1 << 22) {
  const arena = Arena.create({ bytes });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  return { arena, domain, topology };
}

/** All that is published is what a rendering from scratch shows, and shared by physical root. */
function assertPublished(topology: Topology): void {
  const roots = new Map<MemoryRegion | null, number>();
  for (const { root, view } of topology.addressSpaces) {
    const physical = physicalRoot(root);
    assertEquals(view.ranges(), renderRanges(physical));
    assertEquals(view.offset, roots.get(physical) ?? view.offset);
    roots.set(physical, view.offset);
    if (physical === null) assertEquals(view, topology.emptyView);
  }
  assertEquals(new Set(roots.values()).size, roots.size, "two physical roots share a view");
}

Deno.test("what a region showed before it moved is rendered again, whatever else the transaction did", () => {
  const { topology } = setUp();
  const system = topology.initContainer("system", ALL);
  const bar = topology.initIo("bar", 0x1000, {});
  const bus = topology.initContainer("bus", 0x1_0000);
  system.addSubregion(0x10_0000, topology.initIo("other", 0x1000, {}));
  system.addSubregion(0, bus);
  bus.addSubregion(0x4000, bar);
  topology.createAddressSpace("memory", system);
  const changes: (() => void)[] = [
    () => {
      bar.setEnabled(false);
      bar.setAddress(0x8000);
      bar.setEnabled(true);
    },
    () => {
      bar.setSize(0x800);
      bar.setAddress(0xc000);
    },
    () => {
      bus.setEnabled(false);
      bar.setAddress(0x1000);
      bus.setAddress(0x2_0000);
      bus.setEnabled(true);
    },
    () => {
      bar.setSize(0x2000);
      bus.delSubregion(bar);
      system.addSubregion(0x8_0000, bar);
      bar.setSize(0x100);
      bar.setAddress(0x9_0000);
    },
    () => {
      bus.setSize(0x10);
      system.delSubregion(bus);
      bus.setSize(0x1000);
    },
  ];
  for (const change of changes) {
    topology.transaction(change);
    assertPublished(topology);
  }
});

Deno.test("views are shared by physical root, and what shows nothing shares the empty view", () => {
  const { topology } = setUp();
  const system = topology.initContainer("system", ALL);
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n });
  const window = topology.initAlias("window", ALL, system, 0);
  const [a, b, c] = [system, window, topology.initContainer("bus", ALL)]
    .map((root) => topology.createAddressSpace(root.name, root)) as [
      ReturnType<Topology["createAddressSpace"]>,
      ReturnType<Topology["createAddressSpace"]>,
      ReturnType<Topology["createAddressSpace"]>,
    ];
  assertEquals([a.view, b.view, c.view], Array(3).fill(topology.emptyView));
  const { built } = topology.stats;
  system.addSubregion(0x1000, ram);
  assertEquals(a.view, b.view);
  assertEquals(topology.stats.built, built + 1);
  assertEquals(c.view, topology.emptyView);
  assertEquals(topology.createAddressSpace("again", system).view, a.view);
  assertEquals(topology.stats.built, built + 1); // its root had a view
});

Deno.test("a change that no view can show builds nothing", () => {
  const { topology } = setUp();
  const system = topology.initContainer("system", ALL);
  const front = topology.initIo("front", 0x1000, {});
  system.addSubregionOverlap(0x1000, front, 1);
  topology.createAddressSpace("memory", system);
  const { built } = topology.stats;
  const rendered = () => topology.stats.rendered;

  let before = rendered();
  const apart = topology.initContainer("apart", ALL);
  apart.addSubregion(0, topology.initIo("x", 1, {})); // no address space reaches it
  const off = topology.initContainer("off", ALL);
  off.setEnabled(false);
  system.addSubregion(0, off); // disabled
  off.addSubregion(0, topology.initIo("y", 1, {}));
  assertEquals(rendered(), before, "not even rendered");

  before = rendered();
  system.addSubregion(0x1000, topology.initIo("behind", 0x1000, {})); // wholly hidden
  system.addSubregion(0x8000, topology.initContainer("empty", 0x1000));
  system.addSubregion(0x8000, topology.initAlias("window", 0x1000, apart, 0x10));
  assertEquals(rendered(), before + 3);
  assertEquals(topology.stats.built, built);
});

Deno.test("what a commit renders does not grow with unrelated address spaces", () => {
  const cost = (unrelated: number): number => {
    const { topology } = setUp(1 << 24);
    const system = topology.initContainer("system", ALL);
    const bar = topology.initIo("bar", 0x1000, {});
    system.addSubregion(0, bar);
    topology.createAddressSpace("memory", system);
    for (let i = 0; i < unrelated; i++) {
      const root = topology.initIo(`root${i}`, 0x1000, {});
      topology.createAddressSpace(`space${i}`, root);
    }
    const { rendered, built } = topology.stats;
    for (let i = 1; i <= 10; i++) bar.setAddress(i * 0x1000);
    return (topology.stats.rendered - rendered) * 1000 + topology.stats.built - built;
  };
  assertEquals(cost(1), 10_010);
  assertEquals(cost(1024), 10_010);
});

/** An arena whose allocations fail from some time on. */
function failing(arena: Arena): { arena: Arena; allow(allocations: number): void } {
  let left = Infinity;
  const allocate = (bytes: number, alignment?: number, zeroed?: boolean) => {
    if (--left < 0) {
      throw new ArenaExhaustedError({ requested: bytes, freeBytes: 0, largestFree: 0 });
    }
    return arena.allocate(bytes, alignment, zeroed);
  };
  const free = (block: number) => arena.free(block);
  return {
    arena: Object.assign(Object.create(arena), { allocate, free }),
    allow: (allocations) => left = allocations,
  };
}

Deno.test("an arena that is full in the middle of a commit leaves all as it was", () => {
  const { arena, allow } = failing(Arena.create({ bytes: 1 << 20 }));
  const domain = RcuDomain.create(Object.getPrototypeOf(arena));
  const topology = new Topology({ arena, domain });
  const spaces: AddressSpace[] = [];
  const shared = topology.initIo("shared", 0x1000, {});
  for (let i = 0; i < 6; i++) {
    const root = topology.initContainer(`root${i}`, ALL);
    root.addSubregion(0x10_0000 * i, topology.initIo(`own${i}`, 0x1000, {}));
    root.addSubregion(0x4000_0000, topology.initAlias("window", 0x1000, shared, 0));
    spaces.push(topology.createAddressSpace(`space${i}`, root));
  }
  domain.barrier();
  const views = spaces.map(({ view }) => view);
  const { nodes, sections } = topology.stats;
  const { refs } = shared;
  let failures = 0;
  for (; shared.size === 0x1000n; failures++) {
    allow(failures);
    try {
      shared.setSize(0x800);
    } catch (error) {
      assert(error instanceof ArenaExhaustedError);
      domain.barrier();
      assertEquals([shared.size, spaces.map(({ view }) => view)], [0x1000n, views]);
      assertEquals([topology.stats.nodes, topology.stats.sections], [nodes, sections]);
      assertEquals([topology.stats.alive, shared.refs], [7, refs]);
      assertPublished(topology);
    }
  }
  allow(Infinity);
  assert(failures > 12, "each view has a block and a dispatch");
  domain.barrier();
  assertPublished(topology);
  assertEquals([topology.stats.nodes, topology.stats.sections], [nodes, sections]);
});

Deno.test("a commit in an arena full of views that await their grace period waits for that", () => {
  const { topology, arena } = setUp(1 << 17);
  const system = topology.initContainer("system", ALL);
  const bar = topology.initIo("bar", 0x1000, {});
  system.addSubregion(0, bar);
  topology.createAddressSpace("memory", system);
  for (let i = 1; i < 2000; i++) bar.setAddress(i * 0x1000); // many times what the arena holds
  assert(topology.stats.freed > 1000);
  assert(arena.stats().peakBytes <= 1 << 17);
});

Deno.test("a domain whose budget is full only delays the end of views", () => {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena, { maxDeferred: 1 });
  const topology = new Topology({ arena, domain });
  const bar = topology.initIo("bar", 0x1000, {});
  const memory = topology.createAddressSpace("memory", bar);
  for (let i = 1; i < 10; i++) bar.setAddress(i * 0x1000);
  assertEquals(memory.view.ranges()[0]!.first, 0x9000n);
  domain.barrier();
  topology.reap();
  domain.barrier();
  assertEquals(topology.stats.alive, 2);
});

Deno.test("a view with more sections than QEMU has room for is published, and only its dump is refused", () => {
  const arena = Arena.create({ bytes: 1 << 22 });
  const topology = new Topology({ arena, domain: RcuDomain.create(arena), pageBits: 8 });
  const system = topology.initContainer("system", ALL);
  const { view } = topology.createAddressSpace("memory", system);
  topology.transaction(() => {
    for (let i = 0; i < 300; i++) {
      system.addSubregion(i * 0x100, topology.initIo(`${i}`, 0x80, {}));
    }
  });
  assertPublished(topology);
  const [space] = topology.addressSpaces;
  assert(space!.view !== view);
  const error = assertThrows(() => space!.view.dispatchText(), PhysMapError);
  assertEquals(error.code, "TOO_MANY_SECTIONS");
});

Deno.test("a view that cannot be rendered fails the whole commit", () => {
  const { topology } = setUp();
  const system = topology.initContainer("system", ALL);
  const other = topology.createAddressSpace("other", topology.initIo("io", 1, {}));
  const memory = topology.createAddressSpace("memory", system);
  system.addSubregion(0, topology.initIo("first", 0x1000, {}));
  const [view, shown] = [memory.view, other.view];
  const error = assertThrows(() =>
    topology.transaction(() => {
      other.root.setSize(2);
      const twice = topology.initAlias("twice", ALL, system, 0x1000);
      system.addSubregion(0x1000, twice);
      system.addSubregion(0x1000, topology.initAlias("thrice", ALL, system, 0x1000));
    }), FlatViewError);
  assertEquals(error.code, "RENDER_LIMIT");
  assertEquals([system.subregions.length, other.root.size], [1, 1n]);
  assertEquals([memory.view, other.view], [view, shown]);
});

Deno.test("an address space that is created in a transaction shows nothing until that is committed", () => {
  const { topology, arena, domain } = setUp();
  const system = topology.initContainer("system", ALL);
  const reader = domain.register();
  topology.transaction(() => {
    system.addSubregion(0, topology.initIo("io", 0x1000, {}));
    const memory = topology.createAddressSpace("memory", system);
    assertEquals(memory.view, topology.emptyView);
    const guard = reader.lock();
    const attached = AddressSpaceReader.attach(arena, memory.handle);
    assertEquals(attached.region(attached.lookup(guard, 0)), 0);
    guard.unlock();
  });
  assertPublished(topology);
  assertThrows(() =>
    topology.transaction(() => {
      topology.createAddressSpace("never", system);
      throw new Error("planted");
    })
  );
  assertEquals(topology.addressSpaces.map(({ name }) => name), ["memory"]);
  assertEquals(system.refs, 2);
});

Deno.test("a root that nobody shows any more is rendered again when somebody does", () => {
  const { topology, arena, domain } = setUp();
  const reader = domain.register();
  const window = topology.initContainer("window", ALL);
  const io = topology.initContainer("io", ALL);
  const [a, b] = [topology.initIo("a", 0x10, {}), topology.initIo("b", 0x10, {})];
  io.addSubregion(0, a);
  io.addSubregion(0x100, b);
  window.addSubregion(0, io);
  const memory = topology.createAddressSpace("memory", window);
  const guard = reader.lock();
  const held = AddressSpaceReader.attach(arena, memory.handle).hold(guard);
  guard.unlock();
  io.setEnabled(false); // the view of "io" lives on, held, and is not kept up to date
  b.setAddress(0x200);
  io.setEnabled(true);
  assertPublished(topology);
  held.release();
});

Deno.test("an address space whose root is dead, or for which there is no room, leaves nothing behind", () => {
  const { topology, arena, domain } = setUp(1 << 19);
  const dead = topology.initIo("dead", 1, {});
  dead.destroy();
  const { liveBlocks } = arena.stats();
  const error = assertThrows(() => topology.createAddressSpace("x", dead), FlatViewError);
  assertEquals(error.code, "REGION_DEAD");
  const root = topology.initIo("root", 1, {});
  const ballast: number[] = [];
  assertThrows(() => {
    for (;;) ballast.push(arena.allocate(16));
  }, ArenaExhaustedError);
  assertThrows(() => topology.createAddressSpace("x", root), ArenaExhaustedError);
  for (const block of ballast) arena.free(block);
  domain.barrier();
  assertEquals([root.refs, topology.addressSpaces], [1, []]);
  assertEquals(arena.stats().liveBlocks, liveBlocks);
});

Deno.test("misuse is a named error", () => {
  const { topology } = setUp();
  const system = topology.initContainer("system", ALL);
  const memory = topology.createAddressSpace("memory", system);
  assertThrows(() => topology.close(), FlatViewError, '"memory": it is not destroyed');
  assertThrows(
    () => topology.transaction(() => memory.destroy()),
    FlatViewError,
    "a transaction is open",
  );
  memory.destroy();
  assertThrows(() => memory.destroy(), FlatViewError, "destroyed before");
  assertThrows(() => topology.registerListener({}, memory), FlatViewError, "destroyed");
  const tree = new Topology();
  const root = tree.initContainer("root", 1);
  const error = assertThrows(() => tree.createAddressSpace("x", root), FlatViewError);
  assertEquals(error.code, "NOT_PUBLISHING");
});
