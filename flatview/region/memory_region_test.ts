import { assertEquals, assertThrows } from "@std/assert";
import { assertSpyCallArgs, assertSpyCalls, spy } from "@std/testing/mock";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { Topology } from "../topology/topology.ts";
import type { MemoryRegion } from "./memory_region.ts";

const names = (region: MemoryRegion) => region.subregions.map(({ name }) => name);

/** A topology with a container and makers of small regions. */
function setUp() {
  const topology = new Topology();
  const root = topology.initContainer("root", 2n ** 64n);
  return { topology, root, io: (name: string) => topology.initIo(name, 0x100, {}) };
}

Deno.test("the list runs by falling priority, and among equals the latest comes first", () => {
  const { root, io } = setUp();
  const [a, b, c, d] = [io("a"), io("b"), io("c"), io("d")] as const;
  root.addSubregion(0, a);
  root.addSubregionOverlap(0, b, 1);
  root.addSubregion(0, c);
  root.addSubregionOverlap(0, d, -1);
  assertEquals(names(root), ["b", "c", "a", "d"]);
  a.setAddress(0x100); // a move goes to the front of its equals
  assertEquals(names(root), ["b", "a", "c", "d"]);
});

Deno.test("an alias's offset does not move it", () => {
  const { topology, root, io } = setUp();
  const target = io("target");
  const [a, b] = [topology.initAlias("a", 8, target, 0), topology.initAlias("b", 8, target, 0)];
  root.addSubregion(0, a);
  root.addSubregion(0, b);
  a.setAliasOffset(8);
  assertEquals(names(root), ["b", "a"]);
  assertThrows(() => target.setAliasOffset(0), FlatViewError, "it is not an alias");
});

Deno.test("an edit that the tree does not allow changes nothing", () => {
  const { topology, root, io } = setUp();
  const vga = io("vga");
  const pci = topology.initContainer("pci", 0x1000);
  pci.addSubregion(0, vga);
  assertThrows(() => root.addSubregion(0, vga), FlatViewError, 'it is in container "pci"');
  root.addSubregion(0, pci);
  assertThrows(() => pci.addSubregion(0, root), FlatViewError, 'it contains "pci"');
  assertThrows(() => root.delSubregion(vga), FlatViewError, '"vga" is not in it');
  assertThrows(
    () => root.addSubregion(0, new Topology().initContainer("other", 1)),
    FlatViewError,
    "another topology",
  );
  assertThrows(() => root.addSubregionOverlap(0, io("x"), 0.5), FlatViewError, "an integer");
  assertThrows(() => vga.setRomd(true), FlatViewError, "it is not a ROM device");
  assertThrows(() => vga.setLog(true, 0), FlatViewError, "not backed by RAM");
  assertEquals([names(root), names(pci), vga.refs], [["pci"], ["vga"], 2]);
});

Deno.test("callbacks that take unaligned accesses have to accept them", () => {
  const { topology } = setUp();
  const ram = { blockId: 1, ramAddr: 0n };
  const wrong = { impl: { unaligned: true } };
  const refused = [
    () => topology.initIo("io", 8, wrong),
    () => topology.initRomDevice("flash", 8, ram, wrong),
    () => topology.initRamDevice("bar", 8, ram, wrong),
  ];
  for (const create of refused) {
    assertEquals(assertThrows(create, FlatViewError, "does not accept").code, "INVALID_EDIT");
  }
  topology.initIo("io", 8, { ...wrong, valid: { unaligned: true } });
});

Deno.test("addresses and sizes are checked, and 2^64 - 1 is the size 2^64", () => {
  const { topology, root, io } = setUp();
  for (const wrong of [-1, 0.5, NaN, 2 ** 53, -1n, 1n << 64n]) {
    const error = assertThrows(() => root.addSubregion(wrong, io("x")), FlatViewError);
    assertEquals(error.code, "INVALID_ADDRESS");
  }
  assertThrows(() => topology.initContainer("x", (1n << 64n) + 1n), FlatViewError, "between 0 and");
  assertEquals(topology.initContainer("x", (1n << 64n) - 1n).size, 1n << 64n);
  root.addSubregion((1n << 64n) - 1n, io("last"));
  assertEquals(root.subregions[0]!.addr, (1n << 64n) - 1n);
});

Deno.test("offsets, sizes and data are numbers or bigints alike, and the tree has bigints", () => {
  const { topology } = setUp();
  const [one, other] = [0x1000, 0x1000n].map((ramAddr) =>
    topology.initRam("ram", ramAddr, { blockId: 1, ramAddr })
  ) as [MemoryRegion, MemoryRegion];
  one.addEventfd(0x10, 4, 7, "event");
  other.addEventfd(0x10n, 4n, 7n, "event");
  one.addCoalescing(0, 8);
  other.addCoalescing(0n, 8n);
  assertEquals(one.ram, { blockId: 1, ramAddr: 0x1000n });
  assertEquals(one.ioeventfds, [{ offset: 0x10n, size: 4, data: 7n, event: "event" }]);
  assertEquals(one.coalesced, [{ offset: 0n, size: 8n }]);
  assertEquals([other.ram, other.ioeventfds, other.coalesced], [
    one.ram,
    one.ioeventfds,
    one.coalesced,
  ]);
  one.delEventfd(0x10n, 4, 7n, "event");
  assertEquals(one.ioeventfds, []);
});

Deno.test("an address or size that does not fit is refused at the call, and nothing is changed", () => {
  const { topology, io } = setUp();
  const region = io("x");
  const refused: (() => void)[] = [
    () => topology.initRam("ram", 1, { blockId: 1, ramAddr: -1n }),
    () => topology.initRam("ram", 1, { blockId: 1, ramAddr: 2 ** 53 }),
    () => topology.initRam("ram", 1, { blockId: 1, ramAddr: undefined as unknown as number }),
    () => region.addEventfd(0.5, 4, null, "x"),
    () => region.addEventfd(0, 4, 1n << 64n, "x"),
    () => region.addCoalescing("0" as unknown as number, 1),
    () => region.addCoalescing(0, NaN),
    () => region.setSize(2 ** 53),
  ];
  for (const call of refused) {
    assertEquals(assertThrows(call, FlatViewError).code, "INVALID_ADDRESS");
  }
  const wrongSize = assertThrows(() => region.addEventfd(0, 3n, null, "x"), FlatViewError);
  assertEquals(wrongSize.code, "INVALID_EDIT");
  const empty = assertThrows(() => region.addCoalescing(0, 0n), FlatViewError, "range is empty");
  assertEquals(empty.code, "INVALID_EDIT");
  assertEquals([region.ioeventfds, region.coalesced, region.size], [[], [], 0x100n]);
});

Deno.test("a transaction that fails leaves the tree as it was, nested ones too", () => {
  const { topology, root, io } = setUp();
  const [a, b] = [io("a"), io("b")];
  root.addSubregion(0, a);
  assertThrows(
    () =>
      topology.transaction(() => {
        root.delSubregion(a);
        root.addSubregion(0x10, b);
        b.setEnabled(false);
        throw new Error("planted");
      }),
    Error,
    "planted",
  );
  assertEquals([names(root), b.enabled, b.addr, b.container, a.refs], [["a"], true, 0n, null, 2]);

  topology.transaction(() => {
    root.addSubregion(0x10, b);
    assertThrows(() =>
      topology.transaction(() => {
        b.setAddress(0x20);
        a.setSize(1);
        throw new Error("planted");
      })
    );
    assertEquals([b.addr, a.size], [0x10n, 0x100n]); // the inner one is undone, the outer goes on
  });
  assertEquals(names(root), ["b", "a"]);
});

Deno.test("a region is finalised once, when nothing refers to it", () => {
  const { topology, root } = setUp();
  const log: string[] = [];
  const make = (name: string) =>
    topology.initIo(name, 8, {}, { finalize: ({ name }) => log.push(name) });
  const [a, b] = [make("a"), make("b")];
  const window = topology.initAlias("window", 8, b, 0, { finalize: () => log.push("window") });
  root.addSubregion(0, a);
  root.addSubregion(8, window);
  a.destroy();
  b.destroy();
  window.destroy();
  assertEquals(log, []);
  assertThrows(() => a.destroy(), FlatViewError, "destroyed before");
  root.delSubregion(a);
  assertEquals(log, ["a"]);
  root.delSubregion(window); // and with it goes the last reference to its target
  assertEquals(log, ["a", "window", "b"]);
  assertThrows(() => root.addSubregion(0, a), FlatViewError, "finalised");
  assertThrows(() => a.ref(), FlatViewError, "finalised");
});

Deno.test("a region that a failed transaction dropped is not finalised", () => {
  const { topology, root } = setUp();
  const finalize = spy((_region: MemoryRegion) => {});
  const a = topology.initIo("a", 8, {}, { finalize });
  root.addSubregion(0, a);
  a.destroy();
  assertThrows(() =>
    topology.transaction(() => {
      root.delSubregion(a);
      throw new Error("planted");
    })
  );
  assertEquals(names(root), ["a"]);
  assertSpyCalls(finalize, 0);
  root.delSubregion(a);
  assertSpyCalls(finalize, 1);
  assertSpyCallArgs(finalize, 0, [a]);
});
