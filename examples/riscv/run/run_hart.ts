import { PageResolver, VcpuLoop } from "@guestmem/flatview/vcpu";
import { VmContext } from "@guestmem/flatview/vm";
import { GuestRam } from "@guestmem/ramblock";
import { attachInPlaceDevices } from "../machine/in_place_devices.ts";
import { DECODED_PAGES } from "../machine/virt_machine.ts";
import { HartCore } from "./hart_core.ts";
import type { HartOrder, HartReport } from "./messages.ts";

/** Runs a hart in this worker until the machine stops. */
export function runHart({ shared, machine, hart: id }: HartOrder): HartReport {
  const vm = VmContext.attach(
    { ...machine.vm, memory: machine.hartMemories[id]! },
    GuestRam,
    { label: `hart ${id}`, flavour: "qsbr" },
  );
  const { arena, reader, access } = vm;
  const resolver = new PageResolver(vm.space);
  const memory = vm.ram.handle.windows[0]!;
  const devices = attachInPlaceDevices(arena, shared, memory, machine.hartAreas);
  const { controls, lines, clock, aclint, plic } = devices;
  access.bind(machine.inPlace.software, aclint.software);
  access.bind(machine.inPlace.timer, aclint.timer);
  access.bind(machine.inPlace.plic, plic.ops);
  const core = new HartCore({
    ...{ id, memory, resolver, lines, clock, aclint, plic },
    area: machine.hartAreas[id]!,
    decodedPages: DECODED_PAGES,
  });
  const started = performance.now();
  new VcpuLoop(resolver, reader, controls[id]!).run(core);
  const milliseconds = performance.now() - started;
  vm.leave();
  const { instructions, slices, exits, asleep } = core;
  return { hart: id, instructions, slices, exits, milliseconds, asleep };
}
