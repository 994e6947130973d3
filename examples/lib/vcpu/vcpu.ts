/**
 * A vCPU in a worker, as a part to build on: a QSBR reader, a TLB or, as under KVM, shadow mappings
 * of memslots, exits to the contexts that own the devices, and a loop that can be paused, stopped
 * and hurried.
 *
 * @module
 */

import {
  type AddressSpaceHandle,
  type GuestSpace,
  MemoryAccess,
  MmioChannel,
  type MmioChannelHandle,
} from "@guestmem/flatview";
import { Tlb, VcpuControl, VcpuLoop } from "@guestmem/flatview/vcpu";
import { GuestRam, type GuestRamHandle } from "@guestmem/ramblock";
import {
  Arena,
  type ArenaHandle,
  type DomainHandle,
  type QsbrReader,
  RcuDomain,
} from "@guestmem/rcu";
import { Memslots, type MemslotsHandle } from "@guestmem/ramblock/memslots";
import type { MemoryUnit } from "./memory_unit.ts";
import { SlotUnit } from "./slot_unit.ts";

/** What a vCPU is started with. Structured-cloneable. */
export interface VcpuHandles {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  readonly channel: MmioChannelHandle;
  /** The address space in which it executes. */
  readonly memory: AddressSpaceHandle;
  /** If given, it accesses memory through them, as under KVM; else through a TLB, as under TCG. */
  readonly slots?: MemslotsHandle | undefined;
  /** A `VcpuControl`'s buffer. */
  readonly run: SharedArrayBuffer;
}

/**
 * A vCPU of this worker. A slice runs inside a section of `unit`; an exit to a device leaves the
 * section and enters another.
 */
export class Vcpu {
  readonly arena: Arena;
  readonly reader: QsbrReader;
  readonly access: MemoryAccess;
  /** The address space, without the unit in between. */
  readonly memory: GuestSpace;
  /** The guest's path to memory. */
  readonly unit: MemoryUnit;
  readonly loop: VcpuLoop;
  readonly #slots: SlotUnit | null = null;

  /** Attaches this worker. */
  constructor(handles: VcpuHandles, label: string) {
    this.arena = Arena.attach(handles.arena, { label });
    const domain = RcuDomain.attach(this.arena, handles.domain);
    this.reader = domain.register({ flavour: "qsbr", label });
    const ram = GuestRam.attach(this.arena, handles.ram);
    this.access = new MemoryAccess({
      arena: this.arena,
      reader: this.reader,
      memory: ram,
      channel: MmioChannel.attach(this.arena, handles.channel),
    });
    this.memory = this.access.attach(handles.memory);
    if (handles.slots) {
      const slots = Memslots.attach(this.arena, handles.slots);
      this.#slots = new SlotUnit(this.reader, slots, ram, this.memory);
    }
    this.unit = this.#slots ?? new Tlb(this.memory);
    this.loop = new VcpuLoop(this.unit, this.reader, new VcpuControl(handles.run));
  }

  /**
   * Runs slices until the control context asks it to stop.
   *
   * @param slice Runs the guest for a while, inside a section.
   */
  run(slice: () => void): void {
    const run = () => {
      slice();
      return 0;
    };
    this.loop.run({ run, flush() {} }); // the units look after themselves
  }

  /** Leaves: grace periods no longer wait for this worker. */
  close(): void {
    this.#slots?.close();
    this.access.close();
    this.reader.unregister();
    this.arena.close();
  }
}
