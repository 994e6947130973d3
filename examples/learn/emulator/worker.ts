/// <reference lib="deno.worker" />
import { VmContext } from "@guestmem/flatview/vm";
import { GuestRam } from "@guestmem/ramblock";

self.onmessage = ({ data }) => {
  const { space } = VmContext.attach(data, GuestRam, { label: "vCPU" });
  for (let i = 0; i < 18; i++) space.store8(0x1000_0000, space.load8(0xffff_0000 + i)); // prints
  space.store32le(0x2000_0000, 0xe100_0000); // moves the BAR
  space.store32le(0x1000, space.load32le(0xe100_0000)); // from the BAR to RAM,
  space.store32le(0x1_0000_0000, space.load32le(0x1000)); // from RAM to the DIMM
  const before = space.load32le(0x1_0000_0000);
  space.store32le(0x2000_0004, 1); // ejects the DIMM
  self.postMessage([before, space.load32le(0x1_0000_0000)]);
};
