// F and D: which operation an instruction asks for. The arithmetic is in `../fp`.

import {
  box, fadd32, fadd64, fclass32, fclass64, fcvtdl, fcvtdlu, fcvtds, fcvtdw, fcvtdwu, fcvtld, fcvtls,
  fcvtlud, fcvtlus, fcvtsd, fcvtsl, fcvtslu, fcvtsw, fcvtswu, fcvtwd, fcvtws, fcvtwud, fcvtwus, fdiv32,
  fdiv64, feq32, feq64, fle32, fle64, flt32, flt64, fmadd32, fmadd64, fmax32, fmax64, fmin32, fmin64,
  fmsub32, fmsub64, fmul32, fmul64, fnmadd32, fnmadd64, fnmsub32, fnmsub64, fsgnj32, fsgnj64, fsgnjn32,
  fsgnjn64, fsgnjx32, fsgnjx64, fsqrt32, fsqrt64, fsub32, fsub64, unbox,
} from "../fp/fp.as";
import { HART_ROUNDING_MODE } from "./layouts";
import { dirtyFloat, floatIsOff, hart, ILLEGAL, readF, readX, refuse, writeF, writeX } from "./state.as";

/** Where the result goes. */
const NOWHERE: u32 = 0;
const INTEGER: u32 = 1;
const SINGLE: u32 = 2;
const DOUBLE: u32 = 3;

/** The result of the functions below, which return where it goes. */
let result: u64 = 0;

function toInteger(value: u64): u32 {
  result = value;
  return INTEGER;
}
function toSingle(value: u32): u32 {
  result = box(value);
  return SINGLE;
}
function toDouble(value: u64): u32 {
  result = value;
  return DOUBLE;
}

/** Executes a floating-point instruction that is not a load or store. False: refused. */
export function floatInstruction(i: u32): bool {
  const opcode = i & 0x7f, format = (i >> 25) & 3, roundingMode = resolve((i >> 12) & 7);
  let where = NOWHERE;
  if (!floatIsOff() && format <= 1) {
    if (opcode == 0x53) where = format ? double(i, roundingMode) : single(i, roundingMode);
    else if (roundingMode <= 4) where = fused(i, opcode, format, roundingMode);
  }
  if (where == NOWHERE) {
    refuse(ILLEGAL, i);
    return false;
  }
  const rd = (i >> 7) & 31;
  if (where == INTEGER) writeX(rd, result);
  else writeF(rd, result);
  // Flags count as state too.
  dirtyFloat();
  return true;
}

/** DYN becomes frm. Above 4: reserved. */
function resolve(roundingMode: u32): u32 {
  return roundingMode == 7 ? load<u32>(hart + HART_ROUNDING_MODE) : roundingMode;
}

function fused(i: u32, opcode: u32, format: u32, rm: u32): u32 {
  const a = readF((i >> 15) & 31), b = readF((i >> 20) & 31), c = readF(i >> 27);
  if (format) {
    switch (opcode) {
      case 0x43: return toDouble(fmadd64(a, b, c, rm));
      case 0x47: return toDouble(fmsub64(a, b, c, rm));
      case 0x4b: return toDouble(fnmsub64(a, b, c, rm));
      default: return toDouble(fnmadd64(a, b, c, rm));
    }
  }
  const x = unbox(a), y = unbox(b), z = unbox(c);
  switch (opcode) {
    case 0x43: return toSingle(fmadd32(x, y, z, rm));
    case 0x47: return toSingle(fmsub32(x, y, z, rm));
    case 0x4b: return toSingle(fnmsub32(x, y, z, rm));
    default: return toSingle(fnmadd32(x, y, z, rm));
  }
}

/** Opcode OP-FP with format S. */
function single(i: u32, rm: u32): u32 {
  const rs1 = (i >> 15) & 31, rs2 = (i >> 20) & 31, funct3 = (i >> 12) & 7, kind = i >> 27;
  const a = unbox(readF(rs1)), b = unbox(readF(rs2));
  switch (kind) {
    case 0x04: return funct3 == 0 ? toSingle(fsgnj32(a, b)) : funct3 == 1 ? toSingle(fsgnjn32(a, b))
      : funct3 == 2 ? toSingle(fsgnjx32(a, b)) : NOWHERE;
    case 0x05: return funct3 == 0 ? toSingle(fmin32(a, b)) : funct3 == 1 ? toSingle(fmax32(a, b)) : NOWHERE;
    case 0x14: return funct3 == 0 ? toInteger(fle32(a, b)) : funct3 == 1 ? toInteger(flt32(a, b))
      : funct3 == 2 ? toInteger(feq32(a, b)) : NOWHERE;
    case 0x1c: {
      if (rs2) return NOWHERE;
      if (funct3 == 0) return toInteger(<u64><i64><i32>readF(rs1));
      return funct3 == 1 ? toInteger(fclass32(a)) : NOWHERE;
    }
    case 0x1e: return rs2 || funct3 ? NOWHERE : toSingle(<u32>readX(rs1));
  }
  if (rm > 4) return NOWHERE;
  const x = readX(rs1);
  switch (kind) {
    case 0x00: return toSingle(fadd32(a, b, rm));
    case 0x01: return toSingle(fsub32(a, b, rm));
    case 0x02: return toSingle(fmul32(a, b, rm));
    case 0x03: return toSingle(fdiv32(a, b, rm));
    case 0x0b: return rs2 ? NOWHERE : toSingle(fsqrt32(a, rm));
    case 0x08: return rs2 == 1 ? toSingle(fcvtsd(readF(rs1), rm)) : NOWHERE;
    case 0x18: return rs2 == 0 ? toInteger(fcvtws(a, rm)) : rs2 == 1 ? toInteger(fcvtwus(a, rm))
      : rs2 == 2 ? toInteger(fcvtls(a, rm)) : rs2 == 3 ? toInteger(fcvtlus(a, rm)) : NOWHERE;
    case 0x1a: return rs2 == 0 ? toSingle(fcvtsw(x, rm)) : rs2 == 1 ? toSingle(fcvtswu(x, rm))
      : rs2 == 2 ? toSingle(fcvtsl(x, rm)) : rs2 == 3 ? toSingle(fcvtslu(x, rm)) : NOWHERE;
    default: return NOWHERE;
  }
}

/** Opcode OP-FP with format D. */
function double(i: u32, rm: u32): u32 {
  const rs1 = (i >> 15) & 31, rs2 = (i >> 20) & 31, funct3 = (i >> 12) & 7, kind = i >> 27;
  const a = readF(rs1), b = readF(rs2);
  switch (kind) {
    case 0x04: return funct3 == 0 ? toDouble(fsgnj64(a, b)) : funct3 == 1 ? toDouble(fsgnjn64(a, b))
      : funct3 == 2 ? toDouble(fsgnjx64(a, b)) : NOWHERE;
    case 0x05: return funct3 == 0 ? toDouble(fmin64(a, b)) : funct3 == 1 ? toDouble(fmax64(a, b)) : NOWHERE;
    case 0x14: return funct3 == 0 ? toInteger(fle64(a, b)) : funct3 == 1 ? toInteger(flt64(a, b))
      : funct3 == 2 ? toInteger(feq64(a, b)) : NOWHERE;
    case 0x1c: {
      if (rs2) return NOWHERE;
      return funct3 == 0 ? toInteger(a) : funct3 == 1 ? toInteger(fclass64(a)) : NOWHERE;
    }
    case 0x1e: return rs2 || funct3 ? NOWHERE : toDouble(readX(rs1));
  }
  if (rm > 4) return NOWHERE;
  const x = readX(rs1);
  switch (kind) {
    case 0x00: return toDouble(fadd64(a, b, rm));
    case 0x01: return toDouble(fsub64(a, b, rm));
    case 0x02: return toDouble(fmul64(a, b, rm));
    case 0x03: return toDouble(fdiv64(a, b, rm));
    case 0x0b: return rs2 ? NOWHERE : toDouble(fsqrt64(a, rm));
    case 0x08: return rs2 == 0 ? toDouble(fcvtds(unbox(a))) : NOWHERE;
    case 0x18: return rs2 == 0 ? toInteger(fcvtwd(a, rm)) : rs2 == 1 ? toInteger(fcvtwud(a, rm))
      : rs2 == 2 ? toInteger(fcvtld(a, rm)) : rs2 == 3 ? toInteger(fcvtlud(a, rm)) : NOWHERE;
    case 0x1a: return rs2 == 0 ? toDouble(fcvtdw(x)) : rs2 == 1 ? toDouble(fcvtdwu(x))
      : rs2 == 2 ? toDouble(fcvtdl(x, rm)) : rs2 == 3 ? toDouble(fcvtdlu(x, rm)) : NOWHERE;
    default: return NOWHERE;
  }
}
