/**
 * An address space with RAM and a UART. A vCPU in a worker writes a string to RAM, then byte by
 * byte to the UART, whose device model runs in the control context. RAM is accessed directly; an
 * access to the UART leaves the vCPU, like an exit to user space, and returns with the device's
 * answer.
 *
 *     deno run --allow-read examples/learn/ram_and_uart/main.ts
 *
 * @module
 */

import { MemoryAccess, type MemoryRegionOps, MmioChannel, Topology } from "@guestmem/flatview";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { ask } from "../../lib/workers.ts";
import type { Seen } from "./worker.ts";

const RAM_BYTES = 1 << 20;
export const UART = 0x1000_0000;

/**
 * A UART: register 0 transmits, register 5 says that it is ready. All accesses are one byte wide.
 */
export class Uart implements MemoryRegionOps {
  /** Everything transmitted so far. */
  text = "";
  readonly valid = { minAccessSize: 1, maxAccessSize: 1 };

  read(offset: number): number {
    return offset === 5 ? 0x60 : 0;
  }

  write(offset: number, value: number): void {
    if (offset === 0) this.text += String.fromCharCode(value);
  }
}

/** Runs a vCPU that prints a string. Returns what the UART transmitted and what the vCPU saw. */
export async function print(text: string): Promise<{ transmitted: string; seen: Seen }> {
  const arena = Arena.create({ bytes: 4 << 20 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: RAM_BYTES });
  const { id, offset } = new RamList(ram).addAnonymous({ name: "ram", length: RAM_BYTES });

  const topology = new Topology({ arena, domain });
  const device = new Uart();
  const system = topology.initContainer("system", 2n ** 64n);
  const memory = topology.createAddressSpace("memory", system);
  const uart = topology.initIo("uart", 8, device);
  topology.transaction(() => {
    const backing = { blockId: id, ramAddr: offset };
    system.addSubregion(0, topology.initRam("ram", RAM_BYTES, backing));
    system.addSubregion(UART, uart);
  });

  const channel = MmioChannel.create(arena);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory: ram, channel });
  access.bind(uart.id, device);
  const stop = new AbortController();
  const served = access.listen(stop.signal); // serves the vCPU from this event loop
  const seen = await ask<Seen>(import.meta.resolve("./worker.ts"), {
    arena: arena.handle,
    domain: domain.handle,
    ram: ram.handle,
    channel: channel.handle,
    memory: memory.handle,
    text,
  });
  stop.abort();
  await served;
  return { transmitted: device.text, seen };
}

if (import.meta.main) {
  const { transmitted, seen } = await print("Hello from the guest");
  console.log(`In RAM:        ${seen.inRam}`);
  console.log(`From the UART: ${transmitted}`);
  console.log(`A four-byte write to the UART is refused: ${seen.wideWrite}`);
  console.log(`So is a read of an unassigned address:    ${seen.nothing}`);
}
