import type { MemTxAttrs } from "../region/region_ops.ts";
import type { Address } from "../region/address.ts";
import type { AddressSpaceReader, HeldView } from "../view/address_space_reader.ts";
import { advance } from "./device/device_access.ts";
import type { AccessPath } from "./access_path.ts";
import type { GuardHolder } from "./guard_holder.ts";
import type { MemTxResult } from "./device/mem_tx_result.ts";
import { isDirect, ResolvedAddress } from "./resolved_address.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";

/** Guest memory that is mapped; from `GuestSpace.map`. */
export interface GuestMapping {
  /** The memory: of the guest, or a copy. No accesses after `unmap`. */
  readonly bytes: Uint8Array;
  /** Bytes that are mapped: as many as were asked for, or fewer. */
  readonly length: number;
  /** Whether it is a copy in a bounce buffer. */
  readonly bounced: boolean;
  /** What became of the read that filled a bounce buffer; `MemTxResult.OK` otherwise. */
  readonly result: MemTxResult;
  /**
   * Ends the mapping.
   *
   * @param accessed How many bytes were really accessed, from the first on; all unless given. So many
   * are written back, or marked dirty.
   * @returns What became of the writing back; `MemTxResult.OK` if there was none.
   * @throws {FlatViewError} `MAPPING_ENDED` if it was unmapped before, or has fewer bytes.
   */
  unmap(accessed?: number): MemTxResult;
}

/** What a mapping was asked for. */
interface Wanted {
  readonly space: AddressSpaceReader;
  readonly address: Address;
  readonly length: number;
  readonly isWrite: boolean;
  readonly attrs: MemTxAttrs;
}

/** One worker's mappings and its bounce buffers. */
export class Mappings {
  readonly #path: AccessPath;
  readonly #buffers: number;
  readonly #bytes: number;
  readonly #live = new Set<Mapping>();
  readonly #spare: Uint8Array[] = [];
  #bounced = 0;
  #waiting: (() => void)[] = [];

  /** @param buffers How many bounce buffers there are. @param bytes Of each. */
  constructor(path: AccessPath, buffers: number, bytes: number) {
    this.#path = path;
    this.#buffers = buffers;
    this.#bytes = bytes;
  }

  /** See `GuestSpace.map`. */
  map(
    space: AddressSpaceReader,
    address: Address,
    length: number,
    isWrite: boolean,
    attrs: MemTxAttrs,
  ): GuestMapping {
    const path = this.#path;
    path.checkRange(address, length);
    const wanted = { space, address, length, isWrite, attrs };
    const holder = path.guards.begin();
    try {
      const mapping = this.#mapDirect(holder, wanted) ?? this.#bounce(holder, wanted);
      this.#live.add(mapping);
      return mapping;
    } finally {
      path.guards.end(holder);
    }
  }

  /** See `MemoryAccess.onBounceBufferFree`. */
  onFree(notify: () => void): () => void {
    this.#waiting.push(notify);
    if (this.#bounced < this.#buffers) this.#notify();
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== notify);
    };
  }

  /** Throws if mappings are left. */
  refuseLeaks(): void {
    if (this.#live.size === 0) return;
    throw new FlatViewError("MAPPINGS_LEFT", {
      addresses: [...this.#live].map(({ address }) => address),
    });
  }

  /** @internal A mapping is gone; `bounce` is its buffer. */
  dropped(mapping: Mapping, bounce: Uint8Array | null): void {
    this.#live.delete(mapping);
    if (bounce === null) return;
    this.#spare.push(bounce);
    this.#bounced--;
    this.#notify();
  }

  /** Maps memory; null if the address shows none. */
  #mapDirect({ guard }: GuardHolder, wanted: Wanted): Mapping | null {
    const { space, address, isWrite, attrs } = wanted;
    const path = this.#path;
    const resolved = new ResolvedAddress();
    const held = space.hold(guard);
    try {
      const find = (at: Address, length: number) =>
        path.translator.translate(guard, space, held.view, at, length, isWrite, attrs, resolved);
      find(address, wanted.length);
      if (!isDirect(resolved.flags, isWrite) || resolved.length === 0) {
        held.release();
        return null;
      }
      const { region, flags, space: last } = resolved;
      const ramAddr = path.ramAddr(guard, resolved);
      const window = path.ram.locate(guard, region, ramAddr);
      const { at } = path.ram;
      const most = Math.min(wanted.length, path.ram.contiguous);
      let length = resolved.length;
      while (length < most) {
        find(advance(address, length), most - length);
        const runsOn = resolved.region === region && isDirect(resolved.flags, isWrite) &&
          path.ramAddr(guard, resolved) === ramAddr + length;
        if (!runsOn) break;
        length += resolved.length;
      }
      const bytes = window.u8.subarray(at, at + Math.min(length, most));
      const holds = last === space ? [held] : [held, last.hold(guard)];
      return new Mapping(this, path, wanted, bytes, { ramAddr, flags, holds });
    } catch (error) {
      held.release();
      throw error;
    }
  }

  #bounce(holder: GuardHolder, wanted: Wanted): Mapping {
    if (this.#bounced === this.#buffers) {
      throw new FlatViewError("BOUNCE_BUFFERS_BUSY", {
        address: wanted.address,
        limit: this.#buffers,
      });
    }
    const buffer = this.#spare.pop() ?? new Uint8Array(this.#bytes);
    const bytes = buffer.subarray(0, Math.min(wanted.length, this.#bytes));
    // Counted first: filling it may run callbacks that map.
    this.#bounced++;
    const mapping = new Mapping(this, this.#path, wanted, bytes, buffer);
    try {
      if (!wanted.isWrite) {
        const { space, address, attrs } = wanted;
        mapping.result = this.#path.read(holder, space, address, bytes, attrs);
      }
    } catch (error) {
      this.dropped(mapping, buffer);
      throw error;
    }
    return mapping;
  }

  #notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const notify of waiting) notify();
  }
}

/** What keeps directly mapped memory alive, and how it is marked. */
interface Direct {
  readonly ramAddr: number;
  readonly flags: number;
  readonly holds: readonly HeldView[];
}

class Mapping implements GuestMapping {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly bounced: boolean;
  readonly address: Address;
  result: MemTxResult = 0;
  readonly #mappings: Mappings;
  readonly #path: AccessPath;
  readonly #wanted: Wanted;
  readonly #backing: Direct | Uint8Array;
  #live = true;

  constructor(
    mappings: Mappings,
    path: AccessPath,
    wanted: Wanted,
    bytes: Uint8Array,
    backing: Direct | Uint8Array,
  ) {
    this.#mappings = mappings;
    this.#path = path;
    this.#wanted = wanted;
    this.#backing = backing;
    this.address = wanted.address;
    this.bytes = bytes;
    this.length = bytes.length;
    this.bounced = backing instanceof Uint8Array;
  }

  unmap(accessed = this.length): MemTxResult {
    if (!this.#live) throw new FlatViewError("MAPPING_ENDED", {});
    if (!Number.isInteger(accessed) || accessed < 0 || accessed > this.length) {
      throw new FlatViewError("MAPPING_LENGTH", { accessed, length: this.length });
    }
    this.#live = false;
    const backing = this.#backing;
    if (backing instanceof Uint8Array) return this.#writeBack(accessed, backing);
    try {
      if (this.#wanted.isWrite) this.#mark(accessed, backing);
    } finally {
      for (const held of backing.holds) held.release();
      this.#mappings.dropped(this, null);
    }
    return 0;
  }

  #writeBack(accessed: number, buffer: Uint8Array): MemTxResult {
    const { space, address, isWrite, attrs } = this.#wanted;
    const path = this.#path;
    try {
      if (!isWrite || accessed === 0) return 0;
      const holder = path.guards.begin();
      try {
        return path.write(holder, space, address, this.bytes.subarray(0, accessed), attrs);
      } finally {
        path.guards.end(holder);
      }
    } finally {
      this.#mappings.dropped(this, buffer);
    }
  }

  #mark(accessed: number, { ramAddr, flags }: Direct): void {
    const holder = this.#path.guards.begin();
    try {
      if (accessed > 0) this.#path.ram.markDirty(holder.guard, ramAddr, accessed, flags);
    } finally {
      this.#path.guards.end(holder);
    }
  }
}
