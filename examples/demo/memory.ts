/**
 * The shared memory of a run: everything that workers attach to, and that exists before the machine.
 *
 * @module
 */

import { MmioChannel } from "@guestmem/flatview";
import { TableIommu } from "@guestmem/iommu";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Memslots, ShadowMap } from "@guestmem/ramblock/memslots";
import { Arena, RcuDomain, Srcu } from "@guestmem/rcu";
import { SHADOW_ENTRIES } from "../lib/vcpu/slot_unit.ts";

const ARENA_BYTES = 64 << 20;
const RAM_BYTES = 2 ** 32;

/** The shared memory of a run. The machine is built later, when the devices' worker has started. */
export class Memory {
  readonly arena = Arena.create({ bytes: ARENA_BYTES, contexts: 128, label: "control" });
  readonly domain = RcuDomain.create(this.arena, { label: "machine" });
  readonly reader = this.domain.register({ label: "control" });
  readonly ram = GuestRam.create(this.domain, { bytes: RAM_BYTES });
  readonly blocks = new RamList(this.ram);
  readonly channel = MmioChannel.create(this.arena, { contexts: 128 });
  readonly iommu = new TableIommu({ arena: this.arena, domain: this.domain });
  readonly slots = Memslots.create(Srcu.create(this.arena, { readers: 128 }), { limit: 256 });

  /**
   * Creates the shadow maps that vCPUs will take over. A released map stays in the arena for reuse.
   */
  makeShadowMaps(count: number): void {
    const make = () => ShadowMap.create(this.slots, { entries: SHADOW_ENTRIES });
    for (const map of Array.from({ length: count }, make)) map.release();
  }

  /** Words of RAM at a ram_addr_t. The caller holds a reference to the block. */
  words(ramAddr: number, bytes: number): Int32Array {
    const guard = this.reader.lock();
    try {
      const block = this.ram.find(guard, ramAddr);
      const window = this.ram.locate(block, ramAddr - this.ram.offsetOf(block));
      return window.i32.subarray(this.ram.at / 4, (this.ram.at + bytes) / 4);
    } finally {
      guard.unlock();
    }
  }
}
