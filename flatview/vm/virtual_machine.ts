import type { MembReader, RcuDomain, ReadGuard } from "@guestmem/rcu";
import type { GuestMemory } from "../access/guest_memory.ts";
import type { GuestSpace } from "../access/guest_space.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { MmioChannel } from "../access/mmio/mmio_channel.ts";
import type { Address } from "../region/address.ts";
import type { MemoryRegion, RegionOptions } from "../region/memory_region.ts";
import type { RamBlocks } from "../region/region_block.ts";
import type { MemoryRegionOps } from "../region/region_ops.ts";
import { Topology } from "../topology/topology.ts";
import type { AddressSpace } from "../view/address_space.ts";
import type { VmHandle } from "./vm_handle.ts";

/**
 * The RAM blocks of a machine, and the guest RAM in which they lie. This package states what it needs; a
 * `RamList` of `@guestmem/ramblock` is that.
 */
export interface VmRam<RamHandle> extends RamBlocks {
  /** Guest RAM, as this context accesses it. */
  readonly ram: RamBlocks["ram"] & GuestMemory & {
    /** What workers attach with. */
    readonly handle: RamHandle;
    /** Writes bytes from a ram_addr_t on. */
    write(guard: ReadGuard, address: number, bytes: Uint8Array): void;
  };
}

/**
 * The control context's side of a machine, put together: a topology with one address space, RAM and ROM
 * that come with their blocks, devices that are served from here or from another context, and one handle
 * for all that a worker needs. A worker joins with {@linkcode VmContext.attach}.
 *
 * Everything that it is made of is there to be used: regions are moved, resized and nested by their own
 * methods, `topology` makes further ones, and `access` serves the devices.
 *
 * @example
 * ```ts
 * import { VirtualMachine, VmContext } from "@guestmem/flatview/vm";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const domain = RcuDomain.create(Arena.create({ bytes: 1 << 22 }));
 * const blocks = new RamList(GuestRam.create(domain, { bytes: 1 << 24 }));
 * const machine = new VirtualMachine(domain, blocks);
 * machine.addRam("ram", 1 << 20, 0);
 * machine.addRom("bios", Uint8Array.of(0xea, 0x5b), 0xffff_0000);
 * const bar = machine.addDevice("bar", 0x1000, { read: () => 0xcafe }, 0xe000_0000);
 * const dimm = machine.addRam("dimm", 1 << 20, 0x1_0000_0000);
 *
 * // A worker that was posted `machine.handle` does `VmContext.attach(handle, GuestRam)`, and has the
 * // same in `space`:
 * const { space } = machine;
 * space.store16le(0x1000, space.load16le(0xffff_0000));
 * assertEquals(space.load16le(0x1000), 0x5bea);
 * bar.setAddress(0xe100_0000);
 * assertEquals(space.load32le(0xe100_0000), 0xcafe);
 * machine.remove(dimm);
 * assertEquals(space.load32le(0x1_0000_0000), 0);
 * ```
 */
export class VirtualMachine<RamHandle> {
  /** What workers join with. */
  readonly handle: VmHandle<RamHandle>;
  /** The regions, their transactions and listeners. */
  readonly topology: Topology;
  /** The container of 2^64 bytes in which everything lies. */
  readonly system: MemoryRegion;
  /** The address space over it. */
  readonly memory: AddressSpace;
  /** This context's accesses. Its `listen`, `serve` or `poll` serves the devices to other contexts. */
  readonly access: MemoryAccess;
  /** The address space, as this context accesses it. */
  readonly space: GuestSpace;
  readonly #domain: RcuDomain;
  readonly #reader: MembReader;
  readonly #blocks: VmRam<RamHandle>;
  readonly #channel: MmioChannel;
  /** The regions that were made here and are not destroyed. */
  readonly #regions = new Set<MemoryRegion>();

  /**
   * Creates a machine without RAM and devices. This context becomes a reader of the domain.
   *
   * @param domain The domain, in whose arena everything lies; that of the guest RAM.
   * @param blocks Where RAM comes from: a `RamList`.
   * @param options `contexts`: how many take part at once, this one included (16 unless given);
   * `onDeviceError` and `onStall` as for {@linkcode MemoryAccess}.
   * @throws {RcuError} `ALREADY_REGISTERED` if this context is a reader of the domain.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor(
    domain: RcuDomain,
    blocks: VmRam<RamHandle>,
    options:
      & { readonly contexts?: number }
      & Pick<ConstructorParameters<typeof MemoryAccess>[0], "onDeviceError" | "onStall"> = {},
  ) {
    const parts = assemble(domain, blocks, options);
    this.#domain = domain;
    this.#blocks = blocks;
    this.#reader = parts.reader;
    this.#channel = parts.channel;
    this.topology = parts.topology;
    this.system = parts.system;
    this.memory = parts.memory;
    this.access = parts.access;
    this.space = parts.space;
    this.handle = {
      kind: "guestmem-vm",
      arena: domain.arena.handle,
      domain: domain.handle,
      ram: blocks.ram.handle,
      memory: parts.memory.handle,
      channel: parts.channel.handle,
    };
  }

  /**
   * Makes RAM, with a block of its own: it is resized by `resizeRam`, and its block is removed once no
   * reader can find the region.
   *
   * @param name Name of the region and of the block.
   * @param bytes Its size.
   * @param at Its address; unless given, it lies nowhere yet.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   * @throws What the blocks throw, if there is no room for one.
   */
  addRam(name: string, bytes: Address, at?: Address): MemoryRegion {
    return this.#place(this.topology.initRamBlock(name, bytes, this.#blocks), at);
  }

  /**
   * Makes ROM, with a block of its own.
   *
   * @param name Name of the region and of the block.
   * @param content What it holds; its size as well.
   * @param at Its address; unless given, it lies nowhere yet.
   * @throws As {@linkcode VirtualMachine.addRam}.
   */
  addRom(name: string, content: Uint8Array, at?: Address): MemoryRegion {
    const rom = this.topology.initRamBlock(name, content.length, this.#blocks);
    const guard = this.#reader.lock();
    try {
      this.#blocks.ram.write(guard, Number(rom.ram!.ramAddr), content);
    } finally {
      guard.unlock();
    }
    rom.setReadonly(true);
    return this.#place(rom, at);
  }

  /**
   * Makes the registers of a device. This context serves them, unless the options name another one: that
   * one binds the callbacks by the region's `id`, and what counts here are their limits and byte order.
   *
   * @param name Its name.
   * @param bytes Its size.
   * @param ops Its callbacks.
   * @param at Its address; unless given, it lies nowhere yet.
   * @param options Its owner, the context that serves it, and so on.
   * @throws {FlatViewError} `INVALID_ADDRESS`; `INVALID_EDIT` as in {@linkcode Topology.initIo}.
   */
  addDevice(
    name: string,
    bytes: Address,
    ops: MemoryRegionOps,
    at?: Address,
    options: RegionOptions = {},
  ): MemoryRegion {
    const device = this.topology.initIo(name, bytes, ops, {
      ...options,
      finalize: (region) => {
        this.access.unbind(region.id);
        options.finalize?.(region);
      },
    });
    const { token } = this.#domain.arena;
    if ((options.context ?? token) === token) this.access.bind(device.id, ops);
    return this.#place(device, at);
  }

  /**
   * Takes a region that was made here out of its container, and destroys it: readers do not find it any
   * more, and its memory is reclaimed when the last one that found it before has moved on.
   *
   * @throws {FlatViewError} `REGION_DEAD` if it was destroyed before.
   */
  remove(region: MemoryRegion): void {
    this.topology.transaction(() => {
      region.container?.delSubregion(region);
      region.destroy();
    });
    this.#regions.delete(region);
  }

  /**
   * Removes everything; workers must have left. The memory is free after two grace periods: that of the
   * views, and that of the blocks which their regions then remove.
   *
   * @throws {FlatViewError} `MAPPINGS_LEFT` if guest memory is mapped here; nothing was removed.
   */
  close(): void {
    this.access.close();
    this.memory.destroy();
    for (const region of this.#regions) this.remove(region);
    this.system.destroy();
    this.topology.close();
    this.#reader.unregister();
    this.#channel.destroy();
  }

  #place(region: MemoryRegion, at: Address | undefined): MemoryRegion {
    try {
      if (at !== undefined) this.system.addSubregion(at, region);
    } catch (error) {
      region.destroy();
      throw error;
    }
    this.#regions.add(region);
    return region;
  }
}

/** Makes the parts of a machine: all of them, or none. */
function assemble(
  domain: RcuDomain,
  blocks: VmRam<unknown>,
  options: NonNullable<ConstructorParameters<typeof VirtualMachine>[2]>,
) {
  const { contexts, ...handlers } = options;
  const { arena } = domain;
  const undo: (() => void)[] = [];
  try {
    const reader = domain.register({ label: "machine" });
    undo.push(() => reader.unregister());
    const topology = new Topology({ arena, domain });
    undo.push(() => topology.close());
    const system = topology.initContainer("system", 2n ** 64n);
    const memory = topology.createAddressSpace("memory", system);
    undo.push(() => memory.destroy());
    const channel = MmioChannel.create(arena, contexts === undefined ? {} : { contexts });
    undo.push(() => channel.destroy());
    const access = new MemoryAccess({ arena, reader, memory: blocks.ram, channel, ...handlers });
    const space = access.attach(memory.handle);
    return { reader, topology, system, memory, channel, access, space };
  } catch (error) {
    for (const step of undo.reverse()) step();
    throw error;
  }
}
