import { assertEquals, assertThrows } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { RamBlocks } from "../region/region_block.ts";
import { Topology } from "./topology.ts";

const PAGE = 0x1000;

/** Blocks that only count: the lengths of those that are there. */
function fakeBlocks() {
  const lengths = new Map<number, number>();
  const blocks: RamBlocks = {
    addAnonymous({ length, maxLength }) {
      if (length > maxLength) throw new RangeError("longer than its maximum");
      const id = lengths.size + 1;
      lengths.set(id, length);
      return { id, offset: id * 0x10_0000 };
    },
    resize(id, length) {
      if (length > 8 * PAGE) throw new RangeError("no room");
      lengths.set(id, length);
    },
    remove: (id) => void lengths.delete(id),
    ram: { dirty: { pageBits: 12 } },
  };
  return { blocks, lengths };
}

function setUp() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const memory = topology.createAddressSpace("memory", system);
  return { domain, topology, system, memory, ...fakeBlocks() };
}

Deno.test("a region is made with its block, of whole pages, and takes it along when it goes", () => {
  const { domain, topology, system, blocks, lengths } = setUp();
  const gone: string[] = [];
  const ram = topology.initRamBlock("ram", 0x1800, blocks, {
    finalize: ({ name }) => gone.push(name),
  });
  assertEquals([ram.kind, ram.size, ram.ram], ["ram", 0x1800n, {
    blockId: 1,
    ramAddr: 0x10_0000n,
  }]);
  assertEquals(lengths.get(1), 2 * PAGE);
  system.addSubregion(0, ram);
  ram.destroy();
  system.delSubregion(ram);
  assertEquals(lengths.size, 1, "readers may still use it");
  domain.barrier();
  assertEquals([lengths.size, gone], [0, ["ram"]]);
});

Deno.test("a block grows before its region shows more, and shrinks a grace period after", () => {
  const { domain, topology, system, memory, blocks, lengths } = setUp();
  const ram = topology.initRamBlock("ram", PAGE, blocks, { maxSize: 8 * PAGE });
  system.addSubregion(0, ram);
  const sizes: [number, bigint][] = [];
  topology.registerListener({
    regionAdd: ({ size }) => sizes.push([lengths.get(1)!, size]),
  }, memory);
  sizes.length = 0;
  ram.resizeRam(4 * PAGE);
  ram.resizeRam(2 * PAGE);
  assertEquals(sizes, [[4 * PAGE, 0x4000n], [4 * PAGE, 0x2000n]]);
  domain.barrier();
  assertEquals(lengths.get(1), 2 * PAGE);
  ram.resizeRam(PAGE);
  ram.resizeRam(3 * PAGE); // before the grace period is over
  domain.barrier();
  assertEquals([lengths.get(1), ram.size], [3 * PAGE, 0x3000n]);
});

Deno.test("a resizing that fails, or whose transaction does, changes nothing", () => {
  const { domain, topology, system, blocks, lengths } = setUp();
  const ram = topology.initRamBlock("ram", 2 * PAGE, blocks, { maxSize: 8 * PAGE });
  system.addSubregion(0, ram);
  assertThrows(() => ram.resizeRam(9 * PAGE), RangeError, "no room");
  for (const size of [PAGE, 5 * PAGE]) {
    assertThrows(() =>
      topology.transaction(() => {
        ram.resizeRam(size);
        throw new Error("planted");
      })
    );
    domain.barrier();
    assertEquals([ram.size, lengths.get(1)], [0x2000n, 2 * PAGE]);
  }
});

Deno.test("a block that there is no room for makes no region, and other regions have none to resize", () => {
  const { topology, blocks, lengths } = setUp();
  assertThrows(
    () => topology.initRamBlock("ram", 2 * PAGE, blocks, { maxSize: PAGE }),
    RangeError,
    "longer than its maximum",
  );
  const error = assertThrows(
    () => topology.initRamBlock("ram", -1, blocks),
    FlatViewError,
  );
  assertEquals([error.code, lengths.size], ["INVALID_ADDRESS", 0]);
  const other = topology.initRam("other", PAGE, { blockId: 1, ramAddr: 0 });
  assertThrows(() => other.resizeRam(1), FlatViewError, "not made with its block");
});
