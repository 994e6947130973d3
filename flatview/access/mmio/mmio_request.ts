import type { MemTxAttrs } from "../../region/region_ops.ts";
import type { RegionOffset } from "../device/device_access.ts";
import { MailFlag, MailWord } from "./channel_structs.ts";

const TWO_32 = 0x1_0000_0000;

/** One access to a device, as it goes from one context to another. */
export interface MmioRequest {
  /** Id of the region. */
  readonly region: number;
  /** The number of its device. */
  readonly device: number;
  /** Offset of the address space's cell, and of the cell of the regions' table. */
  readonly space: number;
  /** See `space`. */
  readonly regions: number;
  /** The random number of the topology. */
  readonly topology: number;
  /** Address in that space. */
  readonly address: RegionOffset;
  /** Offset in the region. */
  readonly offset: RegionOffset;
  /** Bytes. */
  readonly size: number;
  /** Whether it writes. */
  readonly isWrite: boolean;
  /** The byte order of `low` and `high`. */
  readonly bigEndian: boolean;
  /** What is written. */
  readonly low: number;
  /** The upper half of it. */
  readonly high: number;
  /** The attributes. */
  readonly attrs: MemTxAttrs;
}

/** Writes a request into a mailbox. */
export function writeRequest(words: Int32Array, mail: number, request: MmioRequest): void {
  const { isWrite, bigEndian, attrs } = request;
  words[mail + MailWord.REGION] = request.region;
  words[mail + MailWord.DEVICE] = request.device;
  words[mail + MailWord.SPACE] = request.space;
  words[mail + MailWord.REGIONS] = request.regions;
  words[mail + MailWord.TOPOLOGY] = request.topology;
  writeLong(words, mail + MailWord.ADDRESS_LO, request.address);
  writeLong(words, mail + MailWord.OFFSET_LO, request.offset);
  words[mail + MailWord.SIZE] = request.size;
  words[mail + MailWord.LOW] = request.low;
  words[mail + MailWord.HIGH] = request.high;
  words[mail + MailWord.REQUESTER] = attrs.requesterId ?? 0;
  words[mail + MailWord.FLAGS] = (isWrite ? MailFlag.WRITE : 0) |
    (bigEndian ? MailFlag.BIG_ENDIAN : 0) |
    (attrs.requesterId === undefined ? 0 : MailFlag.HAS_REQUESTER) |
    (attrs.secure ? MailFlag.SECURE : 0) | (attrs.user ? MailFlag.USER : 0);
}

/** Reads a request from a mailbox. */
export function readRequest(words: Int32Array, mail: number): MmioRequest {
  const flags = words[mail + MailWord.FLAGS]!;
  return {
    region: words[mail + MailWord.REGION]! >>> 0,
    device: words[mail + MailWord.DEVICE]! >>> 0,
    space: words[mail + MailWord.SPACE]! >>> 0,
    regions: words[mail + MailWord.REGIONS]! >>> 0,
    topology: words[mail + MailWord.TOPOLOGY]! >>> 0,
    address: readLong(words, mail + MailWord.ADDRESS_LO),
    offset: readLong(words, mail + MailWord.OFFSET_LO),
    size: words[mail + MailWord.SIZE]!,
    isWrite: (flags & MailFlag.WRITE) !== 0,
    bigEndian: (flags & MailFlag.BIG_ENDIAN) !== 0,
    low: words[mail + MailWord.LOW]! >>> 0,
    high: words[mail + MailWord.HIGH]! >>> 0,
    attrs: {
      ...(flags & MailFlag.HAS_REQUESTER ? { requesterId: words[mail + MailWord.REQUESTER]! } : {}),
      secure: (flags & MailFlag.SECURE) !== 0,
      user: (flags & MailFlag.USER) !== 0,
    },
  };
}

function writeLong(words: Int32Array, at: number, value: RegionOffset): void {
  if (typeof value === "bigint") {
    words[at] = Number(value & 0xffff_ffffn);
    words[at + 1] = Number(value >> 32n);
  } else {
    words[at] = value;
    words[at + 1] = Math.floor(value / TWO_32);
  }
}

function readLong(words: Int32Array, at: number): RegionOffset {
  const low = words[at]! >>> 0;
  const high = words[at + 1]! >>> 0;
  const value = high * TWO_32 + low;
  return value <= Number.MAX_SAFE_INTEGER ? value : (BigInt(high) << 32n) | BigInt(low);
}
