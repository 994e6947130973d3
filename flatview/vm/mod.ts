/**
 * A machine put together, for who begins: one object in the control context, one handle to post, one
 * attach in each worker. It is made of what `@guestmem/flatview` exports, and gives access to all of it.
 *
 * @example
 * ```ts
 * import { VirtualMachine } from "@guestmem/flatview/vm";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const domain = RcuDomain.create(Arena.create({ bytes: 1 << 22 }));
 * const blocks = new RamList(GuestRam.create(domain, { bytes: 1 << 24 }));
 * const machine = new VirtualMachine(domain, blocks);
 * machine.addRam("ram", 1 << 20, 0);
 * machine.space.store32le(0x1000, 0x1234_5678);
 * assertEquals(machine.space.load16be(0x1000), 0x7856);
 * ```
 *
 * @module
 */

export { VirtualMachine, type VmRam } from "./virtual_machine.ts";
export { VmContext } from "./vm_context.ts";
export type { VmHandle } from "./vm_handle.ts";
