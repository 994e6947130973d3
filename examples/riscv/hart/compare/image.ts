/**
 * A bare-metal image that runs blocks one after another and stores what each did: the harness in
 * front, then a record for each block with its registers before, its registers after and its buffer,
 * then the blocks' code. Blocks under translation have an address space each instead of buffer and code.
 *
 * @module
 */

import { Random } from "../../../lib/random.ts";
import { ECALL, RAM } from "../test_board.ts";
import { AREA_BYTES, COMPARED_BYTES, makeAddressSpace } from "./address_space.ts";
import { BUFFER_BYTES, POINTERS, pointsAt, randomBlock } from "./block.ts";
import { harness } from "./harness.ts";
import {
  BLOCK_BYTES,
  BLOCK_INSTRUCTIONS,
  CONTROL,
  FINISHER,
  RECORD,
  RECORDS,
  TRAP_BYTES,
} from "./record.ts";
import { DOUBLES, INTEGERS, randomValue, SINGLES } from "./values.ts";

/** A program with what it takes to look at its results. */
export interface Image {
  readonly bytes: Uint8Array;
  readonly blocks: number;
  /** Offset of each block's code in the RAM. */
  readonly code: readonly number[];
  /** Offset of the address spaces, if the blocks run under translation. */
  readonly areas: number | undefined;
}

/** Blocks without translation in M, S and U mode, or under it in S and U mode and with MPRV. */
export type Translation = "bare" | "translated";

/** Makes the image of `blocks` random blocks of a seed, from the one numbered `first` on. */
export function makeImage(
  translation: Translation,
  seed: number,
  blocks: number,
  first = 0,
): Image {
  const translated = translation === "translated";
  const afterRecords = RECORDS + (blocks + 1) * RECORD.size;
  const start = translated ? Math.ceil(afterRecords / AREA_BYTES) * AREA_BYTES : afterRecords;
  const blockBytes = translated ? AREA_BYTES : BLOCK_BYTES;
  const bytes = new Uint8Array(start + blocks * blockBytes);
  const view = new DataView(bytes.buffer);
  harness().forEach((bits, index) => view.setUint32(index * 4, bits, true));
  view.setBigUint64(CONTROL, BigInt(RAM + RECORDS), true);
  view.setBigUint64(CONTROL + 24, BigInt(RAM + RECORDS + RECORD.traps + 8), true);
  view.setBigUint64(CONTROL + 32, FINISHER, true);
  const code = Array.from({ length: blocks }, (_, block) => {
    const random = new Random(seed, first + block);
    const record = RECORDS + block * RECORD.size, at = start + block * blockBytes;
    const place = translated ? pagedPlace(view, at, random) : barePlace(record, at, random);
    fillRecord(view, record, place, random);
    const made = randomBlock(random, BLOCK_INSTRUCTIONS, { translated, ...place });
    bytes.set(made, place.code);
    view.setUint32(place.code + made.length, ECALL, true);
    return place.code;
  });
  return { bytes, blocks, code, areas: translated ? start : undefined };
}

/** Where a block is and how it is entered. */
interface Place {
  /** Offset in RAM. */
  readonly code: number;
  readonly privilege: number;
  readonly mstatus: number;
  readonly satp: bigint;
  /** What a pointer register holds. */
  readonly pointer: (register: number) => bigint;
}

const FS = 0x6000, MPRV = 1 << 17;

function barePlace(record: number, code: number, random: Random): Place {
  const privilege = [3, 3, 1, 0][random.below(4)]!;
  const pointer = (register: number) => BigInt(RAM + record + RECORD.buffer + pointsAt(register));
  return { code, privilege, mstatus: FS | privilege << 11, satp: 0n, pointer };
}

/** Each pointer is where two of the four pages of data meet. In M mode MPRV lends the block U mode. */
function pagedPlace(view: DataView, area: number, random: Random): Place {
  const privilege = [1, 1, 0, 3][random.below(4)]!;
  const { satp, data, code } = makeAddressSpace(view, area, random, privilege !== 1);
  const pointer = (register: number) =>
    data +
    BigInt((POINTERS.indexOf(register) * 2 + 1) * 4096 + pointsAt(register) - BUFFER_BYTES / 2);
  const lent = privilege === 3 ? MPRV : 0;
  const mstatus = FS | lent | random.below(4) << 18 | privilege << 11; // SUM and MXR
  return { code, privilege, mstatus, satp, pointer };
}

/** The state before a block, and what its buffer holds. */
function fillRecord(view: DataView, record: number, place: Place, random: Random): void {
  view.setBigUint64(record, BigInt(RAM + place.code), true);
  view.setBigUint64(record + 8, BigInt(place.mstatus), true);
  view.setBigUint64(record + RECORD.satp, place.satp, true);
  view.setBigUint64(record + 16, BigInt(random.below(5) << 5 | random.below(32)), true);
  for (let register = 1; register < 32; register++) {
    const value = POINTERS.includes(register)
      ? place.pointer(register)
      : randomValue(random, INTEGERS);
    view.setBigUint64(record + 16 + register * 8, value, true);
  }
  for (let register = 0; register < 32; register++) {
    const value = random.once(2)
      ? randomValue(random, DOUBLES)
      : 0xffff_ffff_0000_0000n | randomValue(random, SINGLES);
    view.setBigUint64(record + 272 + register * 8, value, true);
  }
  for (let at = 0; at < BUFFER_BYTES; at += 8) {
    const value = randomValue(random, [INTEGERS, DOUBLES][random.below(2)]!);
    view.setBigUint64(record + RECORD.buffer + at, value, true);
  }
}

/**
 * What a block left: mstatus, fcsr, x1 to x31, f0 to f31, the log with its end, and the buffer; then its
 * page tables and their data.
 */
export function resultOf({ areas }: Image, ram: Uint8Array, block: number): readonly Uint8Array[] {
  const record = RECORDS + block * RECORD.size;
  const registers = ram.subarray(record + RECORD.after, record + RECORD.size);
  if (areas === undefined) return [registers];
  const area = areas + block * AREA_BYTES;
  return [registers, ram.subarray(area, area + COMPARED_BYTES)];
}

/** Names the 64-bit word at an offset of a part of a result. */
export function nameOf(part: number, offset: number): string {
  if (part === 1) return `the word at ${offset.toString(16)} of the tables and their data`;
  const index = offset >>> 3;
  if (index < 2) return ["mstatus", "fcsr"][index]!;
  if (index < 33) return `x${index - 1}`;
  if (index < 65) return `f${index - 33}`;
  const trap = offset - (RECORD.traps - RECORD.after);
  if (trap < 8) return "number of traps";
  if (trap < 8 + TRAP_BYTES * BLOCK_INSTRUCTIONS) {
    const word = (trap - 8) >>> 3;
    return `${["mcause", "mepc", "mtval"][word % 3]} of trap ${Math.floor(word / 3)}`;
  }
  return `buffer + ${trap - 8 - TRAP_BYTES * BLOCK_INSTRUCTIONS}`;
}
