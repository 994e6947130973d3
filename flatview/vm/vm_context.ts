import { Arena, type MembReader, type QsbrReader, RcuDomain } from "@guestmem/rcu";
import type { GuestMemory } from "../access/guest_memory.ts";
import type { GuestSpace } from "../access/guest_space.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { MmioChannel } from "../access/mmio/mmio_channel.ts";
import type { VmHandle } from "./vm_handle.ts";

/**
 * A worker's part of a machine: what it attaches to, in one object. `space` is for accesses, `access` to
 * serve devices, and the rest is there for those who need it: `reader` and `space` make a vCPU of
 * `@guestmem/flatview/vcpu`, `arena.token` is the `context` of the devices that this worker serves.
 *
 * @example
 * ```ts
 * import { VmContext, type VmHandle } from "@guestmem/flatview/vm";
 * import { GuestRam } from "@guestmem/ramblock";
 *
 * // In a worker that was posted `machine.handle`:
 * function runVcpu(handle: VmHandle<GuestRam["handle"]>): void {
 *   const vm = VmContext.attach(handle, GuestRam, { label: "vCPU 0" });
 *   vm.space.store32le(0x1000, vm.space.load32le(0xe000_0000));
 *   vm.leave();
 * }
 * ```
 */
export class VmContext<Ram extends GuestMemory> {
  /** The arena. */
  readonly arena: Arena;
  /** The domain of views and guest RAM. */
  readonly domain: RcuDomain;
  /** This worker's reader. */
  readonly reader: MembReader | QsbrReader;
  /** Guest RAM. */
  readonly ram: Ram;
  /** This worker's accesses, and the devices that it serves. */
  readonly access: MemoryAccess;
  /** The machine's memory. */
  readonly space: GuestSpace;

  private constructor(
    { arena, domain, reader, ram, access }: Omit<VmContext<Ram>, "space" | "leave">,
    space: GuestSpace,
  ) {
    this.arena = arena;
    this.domain = domain;
    this.reader = reader;
    this.ram = ram;
    this.access = access;
    this.space = space;
  }

  /**
   * Joins a machine.
   *
   * @param handle The machine's `handle`.
   * @param ram Attaches to its guest RAM: the class `GuestRam` of `@guestmem/ramblock`.
   * @param options `label`: this worker's name in reports; `flavour`: of its reader, `memb` unless given;
   * `onDeviceError` and `onStall` as for {@linkcode MemoryAccess}.
   * @throws {FlatViewError} `MMIO_CHANNEL_FULL` if more contexts take part than the machine has room for.
   * @throws {RcuError} As `Arena.attach`, `RcuDomain.attach` and `register`.
   */
  static attach<RamHandle, Ram extends GuestMemory>(
    handle: VmHandle<RamHandle>,
    ram: { attach(arena: Arena, handle: RamHandle): Ram },
    options:
      & { readonly label?: string; readonly flavour?: "memb" | "qsbr" }
      & Pick<ConstructorParameters<typeof MemoryAccess>[0], "onDeviceError" | "onStall"> = {},
  ): VmContext<Ram> {
    const { label = "", flavour, ...handlers } = options;
    const arena = Arena.attach(handle.arena, { label });
    const undo = [() => arena.close()];
    try {
      const domain = RcuDomain.attach(arena, handle.domain);
      const memory = ram.attach(arena, handle.ram);
      const channel = MmioChannel.attach(arena, handle.channel);
      const reader = flavour === "qsbr"
        ? domain.register({ flavour, label })
        : domain.register({ label });
      undo.push(() => reader.unregister());
      const access = new MemoryAccess({ arena, reader, memory, channel, ...handlers });
      undo.push(() => access.close());
      const space = access.attach(handle.memory);
      return new VmContext({ arena, domain, reader, ram: memory, access }, space);
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  /**
   * Leaves the machine: accesses that others wait for fail, and the arena may not be used any more.
   *
   * @throws {FlatViewError} `MAPPINGS_LEFT` if guest memory is mapped here.
   * @throws {RcuError} `READER_STATE` if a section is open.
   */
  leave(): void {
    this.access.close();
    this.reader.unregister();
    this.arena.close();
  }
}
