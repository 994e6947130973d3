// Compiled with both resolutions; never run.
import { AddressSpaceReader, Topology } from "@guestmem/flatview";
import { parseMachine } from "@guestmem/flatview/machine";
import { printFlatViews } from "@guestmem/flatview/mtree";
import { PageResolver } from "@guestmem/flatview/vcpu";
import { VirtualMachine, VmContext } from "@guestmem/flatview/vm";
import { TableIommu } from "@guestmem/iommu";
import { PhysMap } from "@guestmem/physmap";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Memslots } from "@guestmem/ramblock/memslots";
import { Arena, RcuDomain, RcuValue } from "@guestmem/rcu";
import { defineLayout } from "@guestmem/rcu/layout";

const arena = Arena.create({ bytes: 1 << 20 });
const domain: RcuDomain = RcuDomain.create(arena);
const value: RcuValue<{ a: number }> = RcuValue.create(arena, { a: 1 });
const machine = new VirtualMachine(
  domain,
  new RamList(GuestRam.create(domain, { bytes: 1 << 20 })),
);
const sum: number = value.read(domain.register()).a + machine.space.load8(0n);

export default [
  ...[sum, AddressSpaceReader, Topology, parseMachine, printFlatViews, PageResolver, VmContext],
  ...[TableIommu, PhysMap, Memslots, defineLayout],
];
