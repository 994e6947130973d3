/**
 * What a commit costs: a BAR that moves in a map of many devices, beside unrelated address spaces.
 * The baseline is what QEMU does: every view is rendered and built again.
 */
import { Arena, RcuDomain } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import { physicalRoot } from "../render/physical_root.ts";
import { renderRanges } from "../render/render.ts";
import { Topology } from "./topology.ts";

const ALL = 2n ** 64n;

/** A map of `devices` devices and one BAR that moves, with `unrelated` other address spaces. */
function setUp(devices: number, unrelated: number) {
  const arena = Arena.create({ bytes: 1 << 27 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", ALL);
  const bar = topology.initIo("bar", 0x1000, {});
  topology.transaction(() => {
    for (let i = 0; i < devices; i++) {
      system.addSubregion(0x1000_0000 + i * 0x2000, topology.initIo(`device${i}`, 0x1000, {}));
    }
    system.addSubregion(0, bar);
    topology.createAddressSpace("memory", system);
    for (let i = 0; i < unrelated; i++) {
      topology.createAddressSpace(`space${i}`, topology.initIo(`root${i}`, 0x1000, {}));
    }
  });
  let step = 0;
  const move = () => {
    bar.setAddress(step++ % 2 === 0 ? 0x1000 : 0);
    if (step % 16 === 0) domain.barrier();
  };
  return { topology, domain, bar, move };
}

for (const unrelated of [1, 1024]) {
  const { topology, move } = setUp(100, unrelated);
  const group = `a BAR moves, 100 devices, ${unrelated} unrelated address spaces`;
  Deno.bench("commit", { group }, move);
  Deno.bench("render every address space (no dispatch)", { group, baseline: true }, () => {
    const views = new Map<MemoryRegion | null, unknown>();
    for (const { root } of topology.addressSpaces) {
      const physical = physicalRoot(root);
      if (!views.has(physical)) views.set(physical, renderRanges(physical));
    }
  });
}

// From one end of the map to the other, and beyond the devices: nothing of the way is rendered.
for (const devices of [10, 100, 1000, 10_000]) {
  const { topology, bar, domain } = setUp(devices, 1);
  const group = `a BAR moves far, ${devices} devices`;
  const far = 0x2000_0000 + devices * 0x2000;
  let step = 0;
  Deno.bench("commit", { group }, () => {
    bar.setAddress(step % 2 === 0 ? far + step % 64 * 0x1000 : 0x1000);
    if (++step % 16 === 0) domain.barrier();
  });
  const root = topology.addressSpaces[0]!.root;
  Deno.bench("render the address space (no dispatch)", { group, baseline: true }, () => {
    renderRanges(physicalRoot(root));
  });
}

const { topology } = setUp(100, 1);
const hidden = topology.initIo("hidden", 0x1000, {});
topology.addressSpaces[0]!.root.addSubregionOverlap(0x1000_0000, hidden, -1);
Deno.bench("a change that is wholly hidden", () => {
  hidden.setReadonly(!hidden.readonly);
});
