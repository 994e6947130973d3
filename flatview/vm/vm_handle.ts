import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import type { MmioChannelHandle } from "../access/mmio/mmio_channel.ts";
import type { AddressSpaceHandle } from "../view/address_space.ts";

/**
 * All that a worker needs to join a machine: it is posted once, as it is. Structured-cloneable.
 *
 * `RamHandle` is the handle of the guest RAM, such as that of `@guestmem/ramblock`'s `GuestRam`.
 */
export interface VmHandle<RamHandle> {
  /** Distinguishes it from other handles. */
  readonly kind: "guestmem-vm";
  /** The arena. */
  readonly arena: ArenaHandle;
  /** The domain that views and guest RAM are under. */
  readonly domain: DomainHandle;
  /** Guest RAM. */
  readonly ram: RamHandle;
  /** The address space of the machine's memory. */
  readonly memory: AddressSpaceHandle;
  /** Carries accesses to devices from one context to another. */
  readonly channel: MmioChannelHandle;
}
