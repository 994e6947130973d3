/**
 * Address spaces with the same content share one flat view: the vCPU's, and that of each device
 * whose accesses are not translated. The view is rendered and published once. Devices that may not
 * access memory share the one empty view.
 *
 *     deno run --allow-read examples/learn/shared_flat_view/main.ts
 *
 * @module
 */

import { Topology } from "@guestmem/flatview";
import { Arena, RcuDomain } from "@guestmem/rcu";

/** Whether two devices share the vCPU's view, and how many views exist. */
export interface Sharing {
  readonly nicShares: boolean;
  readonly diskShares: boolean;
  /** Views built for the step, and alive after it, including the empty one. */
  readonly built: number;
  readonly alive: number;
}

/** A machine with two devices, step by step. */
export function shareViews(): Record<string, Sharing> {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const memory = topology.createAddressSpace("memory", system);
  const ram = topology.initRam("ram", 0x800_0000, { blockId: 1, ramAddr: 0 });
  const bar = topology.initIo("bar", 0x1000, {});

  // What a PCI device sees: an alias of system memory, enabled while it may master the bus.
  const createDevice = (name: string) => {
    const container = topology.initContainer(name, 2n ** 64n);
    const master = topology.initAlias(`${name}-bus-master`, 2n ** 64n, system, 0);
    container.addSubregion(0, master);
    return { master, space: topology.createAddressSpace(name, container) };
  };
  const [nic, disk] = [createDevice("nic"), createDevice("disk")];

  const step = (change: () => void): Sharing => {
    const before = topology.stats.built;
    topology.transaction(change);
    domain.barrier(); // replaced views are freed
    return {
      nicShares: nic.space.view === memory.view,
      diskShares: disk.space.view === memory.view,
      built: topology.stats.built - before,
      alive: topology.stats.alive,
    };
  };
  return {
    "RAM and a BAR appear": step(() => {
      system.addSubregion(0, ram);
      system.addSubregion(0xfebf_0000, bar);
    }),
    "the disk must not access memory": step(() => disk.master.setEnabled(false)),
    "the BAR moves": step(() => bar.setAddress(0xfebe_0000)),
    "the NIC sees the lower 64 MiB only": step(() => nic.master.setSize(0x400_0000)),
  };
}

if (import.meta.main) {
  const yesNo = (shares: boolean) => shares ? "shares the vCPU's view" : "has another view";
  for (const [title, { nicShares, diskShares, built, alive }] of Object.entries(shareViews())) {
    console.log(`${title}: ${built} views built, ${alive} alive`);
    console.log(`  the NIC ${yesNo(nicShares)}, the disk ${yesNo(diskShares)}`);
  }
}
