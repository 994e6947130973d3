/**
 * The instructions of 16 bits as the manual's tables list them, each expanded to the instruction of
 * 32 bits that it abbreviates. Slow, and written without a look at the kernel's decoder.
 *
 * @module
 */

import { branch, i, jal, r, s, u } from "./test_board.ts";

export const EBREAK = 0x00100073;

/**
 * Expands an instruction of 16 bits.
 *
 * @param half Its bits; the lowest two are not both set.
 * @param shift What to add to the distance of a jump or branch: the expansion may stand elsewhere.
 * @returns The instruction of 32 bits; undefined if the encoding is reserved.
 */
export function expand(half: number, shift = 0): number | undefined {
  return [quadrant0, quadrant1, quadrant2][half & 3]!(half, shift);
}

/**
 * An immediate of a table: the bits of the instruction from `high` down go where `places` says, in
 * the manual's notation, such as `5:4|9:6|2|3`.
 */
function place(half: number, high: number, places: string): number {
  let at = high, value = 0;
  for (const range of places.split("|")) {
    const [first, last = first] = range.split(":").map(Number) as [number, number?];
    for (let bit = first; bit >= last; bit--) value |= (half >> at-- & 1) << bit;
  }
  return value;
}

function extend(value: number, bits: number): number {
  return value << 32 - bits >> 32 - bits;
}

/** A register of three bits. */
const short = (half: number, low: number) => 8 + (half >> low & 7);
const long = (half: number, low: number) => half >> low & 31;

function quadrant0(half: number): number | undefined {
  const rs1 = short(half, 7), r2 = short(half, 2);
  const word = place(half, 12, "5:3") | place(half, 6, "2|6");
  const double = place(half, 12, "5:3") | place(half, 6, "7:6");
  switch (half >> 13) {
    case 0b000: { // C.ADDI4SPN
      const amount = place(half, 12, "5:4|9:6|2|3");
      return amount ? i(0x13, 0, r2, 2, amount) : undefined;
    }
    case 0b001: // C.FLD
      return i(0x07, 3, r2, rs1, double);
    case 0b010: // C.LW
      return i(0x03, 2, r2, rs1, word);
    case 0b011: // C.LD
      return i(0x03, 3, r2, rs1, double);
    case 0b101: // C.FSD
      return s(0x27, 3, rs1, r2, double);
    case 0b110: // C.SW
      return s(0x23, 2, rs1, r2, word);
    case 0b111: // C.SD
      return s(0x23, 3, rs1, r2, double);
    default:
      return undefined;
  }
}

function quadrant1(half: number, shift: number): number | undefined {
  const rd = long(half, 7);
  const immediate = extend(place(half, 12, "5") | place(half, 6, "4:0"), 6);
  const near = extend(place(half, 12, "8|4:3") | place(half, 6, "7:6|2:1|5"), 9) + shift;
  switch (half >> 13) {
    case 0b000: // C.ADDI, C.NOP
      return i(0x13, 0, rd, rd, immediate);
    case 0b001: // C.ADDIW
      return rd ? i(0x1b, 0, rd, rd, immediate) : undefined;
    case 0b010: // C.LI
      return i(0x13, 0, rd, 0, immediate);
    case 0b011:
      return rd === 2 ? addi16sp(half) : lui(half, rd);
    case 0b100:
      return arithmetic(half, immediate);
    case 0b101: // C.J
      return jal(0, extend(place(half, 12, "11|4|9:8|10|6|7|3:1|5"), 12) + shift);
    case 0b110: // C.BEQZ
      return branch(0, short(half, 7), 0, near);
    default: // C.BNEZ
      return branch(1, short(half, 7), 0, near);
  }
}

function addi16sp(half: number): number | undefined {
  const amount = extend(place(half, 12, "9") | place(half, 6, "4|6|8:7|5"), 10);
  return amount ? i(0x13, 0, 2, 2, amount) : undefined;
}

function lui(half: number, rd: number): number | undefined {
  const value = extend(place(half, 12, "17") | place(half, 6, "16:12"), 18);
  return value ? u(0x37, rd, value) : undefined;
}

/** C.SRLI, C.SRAI, C.ANDI and the operations on two short registers. */
function arithmetic(half: number, immediate: number): number | undefined {
  const rd = short(half, 7), rs2 = short(half, 2);
  const amount = immediate & 63;
  switch (half >> 10 & 0b11) {
    case 0b00:
      return i(0x13, 5, rd, rd, amount);
    case 0b01:
      return i(0x13, 5, rd, rd, 0x400 | amount);
    case 0b10:
      return i(0x13, 7, rd, rd, immediate);
  }
  switch (place(half, 12, "2") | place(half, 6, "1:0")) {
    case 0b000: // C.SUB
      return r(0x33, 0, 0x20, rd, rd, rs2);
    case 0b001: // C.XOR
      return r(0x33, 4, 0, rd, rd, rs2);
    case 0b010: // C.OR
      return r(0x33, 6, 0, rd, rd, rs2);
    case 0b011: // C.AND
      return r(0x33, 7, 0, rd, rd, rs2);
    case 0b100: // C.SUBW
      return r(0x3b, 0, 0x20, rd, rd, rs2);
    case 0b101: // C.ADDW
      return r(0x3b, 0, 0, rd, rd, rs2);
    default:
      return undefined;
  }
}

function quadrant2(half: number): number | undefined {
  const rd = long(half, 7), rs2 = long(half, 2);
  const doubleLoad = place(half, 12, "5") | place(half, 6, "4:3|8:6");
  const doubleStore = place(half, 12, "5:3|8:6");
  switch (half >> 13) {
    case 0b000: // C.SLLI
      return i(0x13, 1, rd, rd, place(half, 12, "5") | place(half, 6, "4:0"));
    case 0b001: // C.FLDSP
      return i(0x07, 3, rd, 2, doubleLoad);
    case 0b010: // C.LWSP
      return rd ? i(0x03, 2, rd, 2, place(half, 12, "5") | place(half, 6, "4:2|7:6")) : undefined;
    case 0b011: // C.LDSP
      return rd ? i(0x03, 3, rd, 2, doubleLoad) : undefined;
    case 0b100:
      return half >> 12 & 1 ? addOrCall(rd, rs2) : moveOrJump(rd, rs2);
    case 0b101: // C.FSDSP
      return s(0x27, 3, 2, rs2, doubleStore);
    case 0b110: // C.SWSP
      return s(0x23, 2, 2, rs2, place(half, 12, "5:2|7:6"));
    default: // C.SDSP
      return s(0x23, 3, 2, rs2, doubleStore);
  }
}

/** C.MV and C.JR. */
function moveOrJump(rd: number, rs2: number): number | undefined {
  if (rs2) return r(0x33, 0, 0, rd, 0, rs2);
  return rd ? i(0x67, 0, 0, rd, 0) : undefined;
}

/** C.ADD, C.JALR and C.EBREAK. */
function addOrCall(rd: number, rs2: number): number {
  if (rs2) return r(0x33, 0, 0, rd, rd, rs2);
  return rd ? i(0x67, 0, 1, rd, 0) : EBREAK;
}
