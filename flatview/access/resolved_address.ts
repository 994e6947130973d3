import type { Address } from "../region/address.ts";
import { RangeFlag } from "../region/range_flags.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";

/** Where an access ends. The address translator fills in the same object again and again. */
export class ResolvedAddress {
  /** The address space in which the access ends. */
  space!: AddressSpaceReader;
  /** The address in that space. */
  address: Address = 0;
  /** The row of that space's dispatch; valid in the section in which it was found. */
  row: number = 0;
  /** Id of the region; 0 if nothing answers. */
  region: number = 0;
  /** See `RangeFlag`. */
  flags: number = 0;
  /** Offset in the region. */
  offset: Address = 0;
  /** How many bytes of the access end here. */
  length: number = 0;
  /** Bytes from the address to the end of its range; for memory only. */
  remaining: number = 0;
  /** Whether an IOMMU translated the address. */
  translated: boolean = false;
}

const READ_DIRECT = RangeFlag.RAM | RangeFlag.ROMD;
const NO_DIRECT_WRITE = RangeFlag.READONLY | RangeFlag.ROM_DEVICE | RangeFlag.RAM_DEVICE;

/** Whether an access goes to memory itself, without a callback. What is written directly is read directly. */
export function isDirect(flags: number, isWrite: boolean): boolean {
  if (isWrite) return (flags & RangeFlag.RAM) !== 0 && (flags & NO_DIRECT_WRITE) === 0;
  return (flags & READ_DIRECT) !== 0 && (flags & RangeFlag.RAM_DEVICE) === 0;
}

/** Whether it is ROM: a write decodes to nothing, and a CPU drops it. */
export function isRom(flags: number): boolean {
  return (flags & RangeFlag.RAM) !== 0 && (flags & RangeFlag.READONLY) !== 0 &&
    (flags & RangeFlag.RAM_DEVICE) === 0;
}

/** Whether a region with callbacks answers, rather than plain RAM, a reserved one or none. */
export function hasCallbacks({ region, flags }: ResolvedAddress): boolean {
  if (region === 0 || (flags & RangeFlag.RESERVED) !== 0) return false;
  return (flags & RangeFlag.RAM) === 0 || (flags & RangeFlag.RAM_DEVICE) !== 0;
}
