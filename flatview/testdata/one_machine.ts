/** A machine in one context, for tests of accesses. */

import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatMemory } from "../model/flat_memory.ts";
import type { MemoryRegionOps } from "../region/region_ops.ts";
import { Topology } from "../topology/topology.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { MmioChannel } from "../access/mmio/mmio_channel.ts";

/** A machine with an address space, in one context. */
export function setUp(
  options: { channel?: boolean; onDeviceError?: (error: unknown) => void } = {},
) {
  const arena = Arena.create({ bytes: 1 << 22, debug: true });
  const domain = RcuDomain.create(arena);
  const reader = domain.register();
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(1, 2);
  const { onDeviceError } = options;
  const access = new MemoryAccess({
    arena,
    reader,
    memory,
    ...(options.channel ? { channel: MmioChannel.create(arena) } : {}),
    ...(onDeviceError ? { onDeviceError } : {}),
  });
  const system = topology.initContainer("system", 2n ** 64n);
  const { handle } = topology.createAddressSpace("memory", system);
  const space = access.attach(handle);
  /** Adds a device that is bound here. */
  const plug = (address: number, size: number, ops: MemoryRegionOps, owner?: object) => {
    const region = topology.initIo(`io@${address.toString(16)}`, size, ops, { owner });
    access.bind(region.id, ops);
    system.addSubregion(address, region);
    return region;
  };
  return { arena, domain, reader, topology, memory, access, system, space, plug };
}

/** A device that records what it is asked. */
export function recorder(limits: Partial<MemoryRegionOps> = {}, answer: number | bigint = 0) {
  const log: string[] = [];
  const ops: MemoryRegionOps = {
    ...limits,
    read(offset, size) {
      log.push(`r${size}@${offset.toString(16)}`);
      return answer;
    },
    write(offset, value, size, _attrs, upper) {
      const text = size === 8 ? `${upper.toString(16)}_${value.toString(16)}` : value.toString(16);
      log.push(`w${size}@${offset.toString(16)}=${text}`);
    },
  };
  const take = () => log.splice(0);
  return { ops, take };
}
