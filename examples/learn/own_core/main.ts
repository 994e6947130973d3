/**
 * A CPU core of one's own in WebAssembly. It has its TLB, its registers and the guest's RAM in one
 * WebAssembly memory, asks a page resolver at its misses, and runs in the loop of a vCPU, while DIMMs
 * are replaced and a BAR moves under it. What it must not do is keep an entry when the map has changed.
 *
 *     deno run --allow-read examples/learn/own_core/main.ts
 *
 * @module
 */

import { MemoryAccess } from "@guestmem/flatview";
import { VcpuControl } from "@guestmem/flatview/vcpu";
import { ask } from "../../lib/workers.ts";
import { Machine } from "./machine.ts";
import { DEVICE_VALUE } from "./program.ts";
import type { CoreData, CoreReport } from "./worker.ts";

/** What happened. */
export interface Outcome extends CoreReport {
  /** Rounds of the guest's program. */
  readonly rounds: number;
  /** DIMMs that were plugged in. */
  readonly dimms: number;
  /** Loads that saw memory of a DIMM that was gone. */
  readonly stale: number;
  /** Words of such memory that the core stored to. */
  readonly strays: number;
}

/**
 * Runs the core while its memory changes.
 *
 * @param isEnough Whether to stop.
 * @param keepsEntries The bug to plant.
 */
export async function run(
  isEnough: (machine: Machine) => boolean,
  keepsEntries = false,
): Promise<Outcome> {
  const machine = new Machine();
  const { arena, domain, ram, channel, memory, device, area } = machine;
  const access = new MemoryAccess({ arena, reader: domain.register(), memory: ram, channel });
  access.bind(device.id, { read: (offset) => offset === 0 ? DEVICE_VALUE : 0 });
  const stop = new AbortController();
  const served = access.listen(stop.signal);
  const control = new VcpuControl();
  const data: CoreData = {
    ...{ arena: arena.handle, domain: domain.handle, ram: ram.handle, channel: channel.handle },
    ...{ memory: memory.handle, area, control: control.buffer, keepsEntries },
  };
  let hasEnded = false;
  const report = ask<CoreReport>(import.meta.resolve("./worker.ts"), data)
    .finally(() => hasEnded = true);
  while (!hasEnded && !isEnough(machine)) {
    machine.unplug();
    await domain.synchronizeAsync(); // no section that saw the DIMM is open any more
    machine.spoil();
    machine.plug();
    machine.moveBar();
    await new Promise((resolve) => setTimeout(resolve)); // the core has a look
  }
  control.stop();
  const { exits, refused } = await report.finally(() => stop.abort());
  await served;
  const { rounds, plugged, stale, strays } = machine;
  return { rounds, dimms: plugged, exits, refused, stale, strays };
}

if (import.meta.main) {
  const { rounds, dimms, exits, refused, stale, strays } = await run(({ rounds, plugged }) =>
    plugged >= 500 && rounds >= 2000
  );
  console.log(
    `${dimms} DIMMs came and went, the BAR moved as often; the core ran ${rounds} rounds`,
  );
  console.log(`${exits} accesses left it, ${refused} of them found nothing there`);
  console.log(`Loads from memory that was gone: ${stale}; stores to it: ${strays}`);
}
