/**
 * A machine whose vCPUs find memory through memslots, as they do under KVM.
 *
 * @module
 */

import {
  type AddressSpace,
  type MemoryRegion,
  type RamBacking,
  Topology,
} from "@guestmem/flatview";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Memslots } from "@guestmem/ramblock/memslots";
import { Arena, RcuDomain, Srcu } from "@guestmem/rcu";

/** The parts of a machine, in the control context. Its address space is empty at first. */
export interface Machine {
  readonly arena: Arena;
  readonly domain: RcuDomain;
  readonly blocks: RamList;
  /** Empty until a listener follows `memory`. */
  readonly slots: Memslots;
  readonly topology: Topology;
  readonly system: MemoryRegion;
  readonly memory: AddressSpace;
  /** Adds zeroed memory to back a region. */
  addBlock(name: string, length: number): RamBacking;
}

/**
 * Creates a machine with no memory yet.
 *
 * @param limit Maximum number of memslots.
 */
export function createMachine(limit = 64): Machine {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const blocks = new RamList(GuestRam.create(domain, { bytes: 1 << 24 }));
  const slots = Memslots.create(Srcu.create(arena), { limit });
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const memory = topology.createAddressSpace("memory", system);
  const addBlock = (name: string, length: number): RamBacking => {
    const { id, offset } = blocks.addAnonymous({ name, length });
    return { blockId: id, ramAddr: offset };
  };
  return { arena, domain, blocks, slots, topology, system, memory, addBlock };
}
