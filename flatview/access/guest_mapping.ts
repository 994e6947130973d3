import { FlatViewError } from "../errors/flat_view_error.ts";
import type { Address } from "../region/address.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceReader, HeldView } from "../view/address_space_reader.ts";
import type { AccessPath } from "./access_path.ts";
import { advance } from "./device/device_access.ts";
import type { MemTxResult } from "./device/mem_tx_result.ts";
import type { GuardHolder } from "./guard_holder.ts";
import { isDirect, ResolvedAddress } from "./resolved_address.ts";

/** Mapped guest memory; from `GuestSpace.map`. */
export interface GuestMapping {
  /** The memory: the guest's, or a copy. Not to be accessed after `unmap`. */
  readonly bytes: Uint8Array;
  /** Bytes that are mapped: as many as were requested, or fewer. */
  readonly length: number;
  /** Whether the memory is a bounce buffer. */
  readonly bounced: boolean;
  /** Result of the read that filled a bounce buffer; else `MemTxResult.OK`. */
  readonly result: MemTxResult;
  /**
   * Ends the mapping.
   *
   * @param accessed How many bytes were accessed, from the first on; all by default. These are written
   * back, or marked dirty.
   * @returns Result of writing back; `MemTxResult.OK` if nothing was written back.
   * @throws {FlatViewError} `MAPPING_ENDED` if it was unmapped before, `MAPPING_LENGTH` if fewer bytes
   * are mapped.
   */
  unmap(accessed?: number): MemTxResult;
}

/** The request for a mapping. */
interface MappingRequest {
  readonly space: AddressSpaceReader;
  readonly address: Address;
  readonly length: number;
  readonly isWrite: boolean;
  readonly attrs: MemTxAttrs;
}

/** One worker's mappings and bounce buffers. */
export class Mappings {
  readonly #path: AccessPath;
  readonly #buffers: number;
  readonly #bytes: number;
  readonly #live = new Set<Mapping>();
  readonly #spare: Uint8Array[] = [];
  #bounced = 0;
  #waiting: (() => void)[] = [];

  /** @param buffers How many bounce buffers there are. @param bytes Size of each. */
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
    const request = { space, address, length, isWrite, attrs };
    const holder = path.guards.begin();
    try {
      const mapping = this.#mapDirect(holder, request) ?? this.#bounce(holder, request);
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

  /** @internal A mapping has ended; `bounce` is its buffer. */
  dropped(mapping: Mapping, bounce: Uint8Array | null): void {
    this.#live.delete(mapping);
    if (bounce === null) return;
    this.#spare.push(bounce);
    this.#bounced--;
    this.#notify();
  }

  /** Maps memory; null if the address is not memory. */
  #mapDirect({ guard }: GuardHolder, request: MappingRequest): Mapping | null {
    const { space, address, isWrite, attrs } = request;
    const path = this.#path;
    const resolved = new ResolvedAddress();
    const held = space.hold(guard);
    try {
      const find = (at: Address, length: number) =>
        path.translator.translate(guard, space, held.view, at, length, isWrite, attrs, resolved);
      find(address, request.length);
      if (!isDirect(resolved.flags, isWrite) || resolved.length === 0) {
        held.release();
        return null;
      }
      const { region, flags, space: last } = resolved;
      const ramAddr = path.translator.ramAddr(guard, resolved);
      const window = path.ram.locate(guard, region, ramAddr);
      const { at } = path.ram;
      const most = Math.min(request.length, path.ram.contiguous);
      let length = resolved.length;
      while (length < most) {
        find(advance(address, length), most - length);
        const runsOn = resolved.region === region && isDirect(resolved.flags, isWrite) &&
          path.translator.ramAddr(guard, resolved) === ramAddr + length;
        if (!runsOn) break;
        length += resolved.length;
      }
      const bytes = window.u8.subarray(at, at + Math.min(length, most));
      const holds = last === space ? [held] : [held, last.hold(guard)];
      return new Mapping(this, path, request, bytes, { ramAddr, flags, holds });
    } catch (error) {
      held.release();
      throw error;
    }
  }

  #bounce(holder: GuardHolder, request: MappingRequest): Mapping {
    if (this.#bounced === this.#buffers) {
      throw new FlatViewError("BOUNCE_BUFFERS_BUSY", {
        address: request.address,
        limit: this.#buffers,
      });
    }
    const buffer = this.#spare.pop() ?? new Uint8Array(this.#bytes);
    const bytes = buffer.subarray(0, Math.min(request.length, this.#bytes));
    // Counted first: filling the buffer may run callbacks that map.
    this.#bounced++;
    const mapping = new Mapping(this, this.#path, request, bytes, buffer);
    try {
      if (!request.isWrite) {
        const { space, address, attrs } = request;
        mapping.result = this.#path.bytes.read(holder, space, address, bytes, attrs);
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

/** What keeps directly mapped memory alive, and how it is marked dirty. */
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
  readonly #request: MappingRequest;
  readonly #backing: Direct | Uint8Array;
  #live = true;

  constructor(
    mappings: Mappings,
    path: AccessPath,
    request: MappingRequest,
    bytes: Uint8Array,
    backing: Direct | Uint8Array,
  ) {
    this.#mappings = mappings;
    this.#path = path;
    this.#request = request;
    this.#backing = backing;
    this.address = request.address;
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
      if (this.#request.isWrite) this.#mark(accessed, backing);
    } finally {
      for (const held of backing.holds) held.release();
      this.#mappings.dropped(this, null);
    }
    return 0;
  }

  #writeBack(accessed: number, buffer: Uint8Array): MemTxResult {
    const { space, address, isWrite, attrs } = this.#request;
    const path = this.#path;
    try {
      if (!isWrite || accessed === 0) return 0;
      const holder = path.guards.begin();
      try {
        return path.bytes.write(holder, space, address, this.bytes.subarray(0, accessed), attrs);
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
