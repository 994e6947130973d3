// Floating point of RISC-V's F and D extensions, on raw bits: what the hart imports.
//
//     import { fadd64, box, unbox } from "./fp/fp.as";
//     f[rd] = box(fadd32(unbox(f[rs1]), unbox(f[rs2]), rm));
//
// A single is a u32 and a double a u64. `rm` is a resolved rounding mode, RNE to RMM (0 to 4): the
// hart has replaced DYN by `frm` and refused the reserved modes. Each operation accrues its
// exceptions in `fflags`, as the manual demands: `flags` and `setFlags` read and write that CSR. An
// operation never traps, and never clears a flag. A result that is not a number is the canonical
// NaN, except from sign injection, which moves bits.
//
// Results that go to an integer register (comparisons, classes, conversions to an integer) are the
// whole register: those of 32-bit conversions, W and WU alike, are sign-extended.
//
// Two paths give the same answers. The native one takes the engine's operation when rounding is to
// nearest, even, and the operands and the result are so far from both ends of the range that the
// exact error can be had from a few more operations. The soft one computes with integers and takes
// the rest: other rounding modes, subnormals, infinities, NaNs, results close to overflow, and the
// fused multiply-add of doubles.

export { DZ, flags, NV, NX, OF, raise, setFlags, UF } from "./flags.as";
export { RDN, RMM, RNE, RTZ, RUP } from "./flags.as";

// fadd32(a, b, rm), fsub32, fmul32, fdiv32, fsqrt32(a, rm)
// fmadd32(a, b, c, rm) = a b + c, fmsub32 = a b - c, fnmsub32 = -(a b) + c, fnmadd32 = -(a b) - c
export { fadd32, fdiv32, fmul32, fsqrt32, fsub32 } from "./single.as";
export { fmadd32, fmsub32, fnmadd32, fnmsub32 } from "./single.as";
export { fadd64, fdiv64, fmul64, fsqrt64, fsub64 } from "./double.as";
export { fmadd64, fmsub64, fnmadd64, fnmsub64 } from "./double.as";

// feq32(a, b) is quiet, flt32 and fle32 signal: each gives 0 or 1 as u64.
// fmin32(a, b) and fmax32 are IEEE 754-2019's minimumNumber and maximumNumber.
export { feq32, feq64, fle32, fle64, flt32, flt64 } from "./compare.as";
export { fmax32, fmax64, fmin32, fmin64 } from "./compare.as";

// fsgnj32(a, b), fsgnjn32, fsgnjx32; fclass32(a): u64. unbox(f: u64): u32, box(x: u32): u64.
export { box, fclass32, fclass64, unbox } from "./bits.as";
export { fsgnj32, fsgnj64, fsgnjn32, fsgnjn64, fsgnjx32, fsgnjx64 } from "./bits.as";

// To integers, fcvtws(a: u32, rm): u64 is FCVT.W.S; w, wu, l, lu from s and d.
export { fcvtld, fcvtls, fcvtlud, fcvtlus, fcvtwd, fcvtws, fcvtwud, fcvtwus } from "./convert.as";
// From integers, fcvtsw(x: u64, rm): u32 is FCVT.S.W and x the whole register. fcvtdw(x) and
// fcvtdwu(x) are exact and take no mode.
export { fcvtdl, fcvtdlu, fcvtdw, fcvtdwu, fcvtsl, fcvtslu, fcvtsw, fcvtswu } from "./convert.as";
// Between formats: fcvtsd(a: u64, rm): u32 rounds, fcvtds(a: u32): u64 is exact.
export { fcvtds, fcvtsd } from "./convert.as";
