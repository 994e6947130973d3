import type { SharedMemory } from "@guestmem/rcu";
import type { Address } from "../../region/address.ts";
import type { MemTxAttrs } from "../../region/region_ops.ts";
import { SLOT, SlotFlag } from "./channel_structs.ts";

/** An access to a device, as it goes from one context to another. */
export interface MmioRequest {
  /** Id of the region. */
  readonly region: number;
  /** Number of the device. */
  readonly device: number;
  /** Whether the device is not entered again while one of its callbacks runs. */
  readonly isGuarded: boolean;
  /** Offset of the address space's cell. */
  readonly cell: number;
  /** Offset of the cell of the region table. */
  readonly regions: number;
  /** Random number of the topology. */
  readonly topology: number;
  /** Address in the address space. */
  readonly address: Address;
  /** Offset in the region. */
  readonly offset: Address;
  /** Size of the access in bytes. */
  readonly size: number;
  /** Whether it writes. */
  readonly isWrite: boolean;
  /** Byte order of `low` and `high`. */
  readonly bigEndian: boolean;
  /** Lower half of the value to write. */
  readonly low: number;
  /** Upper half of the value to write. */
  readonly high: number;
  /** Attributes of the access. */
  readonly attrs: MemTxAttrs;
}

/** Writes a request into a slot. */
export function writeRequest({ u32 }: SharedMemory, slot: number, request: MmioRequest): void {
  const { isWrite, bigEndian, attrs } = request;
  SLOT.region.set(u32, slot, request.region);
  SLOT.device.set(u32, slot, request.device);
  SLOT.cell.set(u32, slot, request.cell);
  SLOT.regions.set(u32, slot, request.regions);
  SLOT.topology.set(u32, slot, request.topology);
  SLOT.bytes.set(u32, slot, request.size);
  setAddress(SLOT.address, u32, slot, request.address);
  setAddress(SLOT.offset, u32, slot, request.offset);
  SLOT.value.setHalves(u32, slot, request.low, request.high);
  SLOT.requester.set(u32, slot, attrs.requesterId ?? 0);
  const flags = (isWrite ? SlotFlag.WRITE : 0) | (bigEndian ? SlotFlag.BIG_ENDIAN : 0) |
    (attrs.requesterId === undefined ? 0 : SlotFlag.HAS_REQUESTER) |
    (request.isGuarded ? SlotFlag.GUARDED : 0) |
    (attrs.secure ? SlotFlag.SECURE : 0) | (attrs.user ? SlotFlag.USER : 0);
  SLOT.flags.set(u32, slot, flags);
}

/** Reads a request from a slot. */
export function readRequest({ u32 }: SharedMemory, slot: number): MmioRequest {
  const flags = SLOT.flags.get(u32, slot);
  const requesterId = SLOT.requester.get(u32, slot);
  return {
    region: SLOT.region.get(u32, slot),
    device: SLOT.device.get(u32, slot),
    isGuarded: (flags & SlotFlag.GUARDED) !== 0,
    cell: SLOT.cell.get(u32, slot),
    regions: SLOT.regions.get(u32, slot),
    topology: SLOT.topology.get(u32, slot),
    address: getAddress(SLOT.address, u32, slot),
    offset: getAddress(SLOT.offset, u32, slot),
    size: SLOT.bytes.get(u32, slot),
    isWrite: (flags & SlotFlag.WRITE) !== 0,
    bigEndian: (flags & SlotFlag.BIG_ENDIAN) !== 0,
    low: SLOT.value.low(u32, slot),
    high: SLOT.value.high(u32, slot),
    attrs: {
      ...(flags & SlotFlag.HAS_REQUESTER ? { requesterId } : {}),
      secure: (flags & SlotFlag.SECURE) !== 0,
      user: (flags & SlotFlag.USER) !== 0,
    },
  };
}

type AddressField = typeof SLOT.address;

function setAddress(field: AddressField, u32: Uint32Array, slot: number, value: Address): void {
  if (typeof value === "bigint") field.setBig(u32, slot, value);
  else field.set(u32, slot, value);
}

function getAddress(field: AddressField, u32: Uint32Array, slot: number): Address {
  const value = field.get(u32, slot);
  return value <= Number.MAX_SAFE_INTEGER ? value : field.getBig(u32, slot);
}
