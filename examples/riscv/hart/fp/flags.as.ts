// The accrued exceptions, and the numbers by which RISC-V knows exceptions and rounding modes.

/** Inexact. */
export const NX: u32 = 1;
/** Underflow: the result is inexact, and tiny after rounding. */
export const UF: u32 = 2;
/** Overflow. */
export const OF: u32 = 4;
/** Division of a finite number by zero. */
export const DZ: u32 = 8;
/** Invalid operation. */
export const NV: u32 = 16;

/** To nearest, ties to even. */
export const RNE: u32 = 0;
/** Towards zero. */
export const RTZ: u32 = 1;
/** Down, towards minus infinity. */
export const RDN: u32 = 2;
/** Up, towards plus infinity. */
export const RUP: u32 = 3;
/** To nearest, ties away from zero. */
export const RMM: u32 = 4;

/** The CSR `fflags` of the one hart that this instance of the module runs. */
let fflags: u32 = 0;

/** The accrued exceptions: what a read of `fflags` gives. */
// @ts-ignore: decorator
@inline
export function flags(): u32 {
  return fflags;
}

/** Replaces the accrued exceptions: a write of `fflags`, of which bits 0 to 4 are given. */
// @ts-ignore: decorator
@inline
export function setFlags(value: u32): void {
  fflags = value;
}

/** Accrues exceptions. */
// @ts-ignore: decorator
@inline
export function raise(exceptions: u32): void {
  fflags |= exceptions;
}
