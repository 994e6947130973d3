/**
 * An emulator's memory in one object: RAM, ROM, a UART that this context serves, a BAR that moves and
 * a DIMM that goes while the guest runs in a worker, which joins with one handle.
 *
 *     deno run --allow-read examples/learn/emulator/main.ts
 *
 * @module
 */

import { VirtualMachine } from "@guestmem/flatview/vm";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { ask } from "../../lib/workers.ts";

const domain = RcuDomain.create(Arena.create({ bytes: 4 << 20 }));
export const blocks = new RamList(GuestRam.create(domain, { bytes: 16 << 20 }));
const machine = new VirtualMachine(domain, blocks);

machine.addRam("ram", 1 << 20, 0);
machine.addRom("bios", new TextEncoder().encode("Hello from the ROM"), 0xffff_0000);
const dimm = machine.addRam("dimm", 1 << 20, 0x1_0000_0000);
const bar = machine.addDevice("bar", 0x1000, { read: () => 0xcafe }, 0xe000_0000);
export let printed = "";
const uart = { write: (_: unknown, byte: number) => void (printed += String.fromCharCode(byte)) };
machine.addDevice("uart", 1, uart, 0x1000_0000);
const write = (at: unknown, to: number) => at === 0 ? bar.setAddress(to) : machine.remove(dimm);
machine.addDevice("chipset", 8, { write }, 0x2000_0000);

const stop = new AbortController();
const served = machine.access.listen(stop.signal); // serves the vCPU from this event loop
export const seen = await ask(import.meta.resolve("./worker.ts"), machine.handle);
stop.abort();
await served;
// The DIMM's region goes after one grace period, its block after another.
for (let period = 0; period < 2; period++) await domain.barrierAsync();
console.log({ printed, seen, blocks: blocks.blocks().map(({ name }) => name) });
