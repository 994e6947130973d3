import { compareViews } from "@guestmem/flatview/machine";
import { liveViews, parseFlatViews, printFlatViews } from "@guestmem/flatview/mtree";
import { VirtualMachine } from "@guestmem/flatview/vm";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals, assertThrows } from "@std/assert";
import { PciBus } from "../pci/pci_bus.ts";
import { type DiskImage, VirtioBlock } from "../virtio/block.ts";
import { VirtioEntropy } from "../virtio/entropy.ts";
import { VirtioNetwork } from "../virtio/network.ts";
import { PciSlots } from "./pci_slots.ts";
import { addHartAreas, VirtMachine, WINDOW_BYTES } from "./virt_machine.ts";

const MIB = 2 ** 20;
const DISK: DiskImage = {
  bytes: 8 * MIB,
  isReadOnly: false,
  read: () => {},
  write: () => {},
  flush: () => {},
};

/** A board with empty slots. */
function board() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const blocks = new RamList(GuestRam.create(domain, { bytes: WINDOW_BYTES }));
  addHartAreas(blocks, 2);
  const nothing = { read: () => 0, write: () => {} };
  const bus = new PciBus(() => {});
  const ops = {
    ...{ testFinisher: nothing, rtc: nothing, software: nothing, timer: nothing, plic: nothing },
    ...{ uart: nothing, fwCfgData: nothing, fwCfgControl: nothing, fwCfgDma: nothing },
    flash: [nothing, nothing] as const,
    pciConfiguration: bus.ops,
  };
  const vm = new VirtualMachine(domain, blocks);
  const machine = new VirtMachine({ vm, blocks, harts: 2, memory: 512 * MIB, ops });
  const slots = new PciSlots({
    topology: machine.topology,
    system: machine.memory.root,
    memory: machine.pciMemory,
    access: vm.access,
    bus,
  });
  return { machine, slots, bus, domain, arena };
}

Deno.test("with three devices the flat views are those that QEMU 7.2 prints at reset", () => {
  const { machine, slots } = board();
  slots.plug(new VirtioBlock(DISK, ""), "disk");
  slots.plug(new VirtioEntropy(), "rng");
  slots.plug(new VirtioNetwork({ send: () => {} }, new Uint8Array(6)), "net");
  const file = new URL("../testdata/virt-2-harts-pci.flat.txt", import.meta.url);
  const printed = parseFlatViews(Deno.readTextFileSync(file));
  const { views, extraViews, differences } = compareViews(
    liveViews(machine.topology, false),
    printed,
  );
  assertEquals(differences, []);
  assertEquals([views.exact, views.total, extraViews], [3, 3, 0]);
});

Deno.test("a device that is pulled leaves nothing in the map, and its slot and name are free", () => {
  const { machine, slots, bus, domain, arena } = board();
  const blocks = () => {
    domain.barrier();
    return arena.stats().liveBlocks;
  };
  const text = () => printFlatViews(liveViews(machine.topology, true)).join("\n");
  const before = text();
  let left: number | undefined;
  for (let round = 0; round < 50; round++) {
    const { function: device } = slots.plug(new VirtioEntropy(), "rng");
    device.write(0x14, 0x4000_0000, 4);
    device.write(0x04, 6, 2);
    assertEquals(text().includes("msix-table"), true);
    assertThrows(() => slots.plug(new VirtioEntropy(), "rng"), RangeError, "one of that name");
    slots.unplug("rng");
    assertEquals(text(), before);
    assertEquals(bus.freeSlot(), 1);
    assertEquals(blocks(), left ??= blocks(), `after ${round + 1} rounds`);
  }
  assertThrows(() => slots.unplug("rng"), RangeError, "none of that name");
});

Deno.test("a full bus takes no more", () => {
  const { slots } = board();
  for (let slot = 1; slot < 32; slot++) slots.plug(new VirtioEntropy(), `rng${slot}`);
  assertThrows(() => slots.plug(new VirtioEntropy(), "more"), RangeError, "all 32 slots");
});
