import type { ReadGuard } from "@guestmem/rcu";
import { RangeFlag } from "../region/range_flags.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import type { RegionOffset } from "./device/device_access.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";

/** Where an access goes: what the walk through flat views and IOMMUs fills in, again and again. */
export class ResolvedAddress {
  /** The address space in which it ends. */
  space!: AddressSpaceReader;
  /** The address in that space. */
  address: RegionOffset = 0;
  /** Id of the region; 0 if nothing answers. */
  region: number = 0;
  /** See `RangeFlag`. */
  flags: number = 0;
  /** Offset in the region. */
  offset: RegionOffset = 0;
  /** How many bytes of the access it speaks for. */
  length: number = 0;
  /** How many bytes the range has from the address on, if it is one of memory. */
  remaining: number = 0;
  /** Whether an IOMMU was on the way. */
  translated: boolean = false;
}

const READ_DIRECT = RangeFlag.RAM | RangeFlag.ROMD;
const NO_DIRECT_WRITE = RangeFlag.READONLY | RangeFlag.ROM_DEVICE | RangeFlag.RAM_DEVICE;

/** Whether an access goes to memory itself, with no callback. */
export function isDirect(flags: number, isWrite: boolean): boolean {
  if (isWrite) return (flags & RangeFlag.RAM) !== 0 && (flags & NO_DIRECT_WRITE) === 0;
  return (flags & READ_DIRECT) !== 0 && (flags & RangeFlag.RAM_DEVICE) === 0;
}

/** Whether the region of these flags has callbacks: it is one, and neither plain RAM nor reserved. */
export function hasCallbacks({ region, flags }: ResolvedAddress): boolean {
  if (region === 0 || (flags & RangeFlag.RESERVED) !== 0) return false;
  return (flags & RangeFlag.RAM) === 0 || (flags & RangeFlag.RAM_DEVICE) !== 0;
}

/**
 * What `GuestSpace.translate` found: good until the section ends in which it was found. The same
 * object each time; in debug mode its use after the section is an error.
 */
export class Translation {
  readonly #target: ResolvedAddress;
  #section: ReadGuard | null = null;
  #isDirect = false;

  /** @internal */
  constructor(target: ResolvedAddress) {
    this.#target = target;
  }

  /** @internal Says for which section it stands; null leaves it unchecked. */
  renew(section: ReadGuard | null, isWrite: boolean): this {
    this.#section = section;
    this.#isDirect = isDirect(this.#target.flags, isWrite);
    return this;
  }

  /** Id of the region; 0 if nothing answers, or an IOMMU refuses the access. */
  get region(): number {
    return this.#checked().region;
  }

  /** Offset of the first byte in the region. */
  get offset(): number | bigint {
    return this.#checked().offset;
  }

  /** Flags of the range: see `RangeFlag`. */
  get flags(): number {
    return this.#checked().flags;
  }

  /** How many of the bytes asked for this translation speaks for. */
  get length(): number {
    return this.#checked().length;
  }

  /** The address space in which the access ends: another one behind an IOMMU. */
  get space(): string {
    return this.#checked().space.name;
  }

  /** The address in that address space. */
  get address(): number | bigint {
    return this.#checked().address;
  }

  /** Whether the access goes to memory itself, with no callback. */
  get direct(): boolean {
    this.#checked();
    return this.#isDirect;
  }

  #checked(): ResolvedAddress {
    if (this.#section !== null && !this.#section.open) {
      throw new FlatViewError("STALE_TRANSLATION", {});
    }
    return this.#target;
  }
}
