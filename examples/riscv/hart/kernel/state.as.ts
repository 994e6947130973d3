// The hart's state as every part of the interpreter reaches it, and how a part refuses to go on.

import { HART_F, HART_MSTATUS, HART_X } from "./layouts";

/** Address of the hart's state. One instance of the module runs one hart. */
export let hart: usize = 0;

export function setHart(address: usize): void {
  hart = address;
}

export const U: u32 = 0;
export const S: u32 = 1;
export const M: u32 = 3;

// mstatus
export const SIE: u64 = 1 << 1;
export const MIE: u64 = 1 << 3;
export const SPIE: u64 = 1 << 5;
export const MPIE: u64 = 1 << 7;
export const SPP: u64 = 1 << 8;
export const MPP: u64 = 3 << 11;
export const FS: u64 = 3 << 13;
export const MPRV: u64 = 1 << 17;
export const SUM: u64 = 1 << 18;
export const MXR: u64 = 1 << 19;
export const TVM: u64 = 1 << 20;
export const TW: u64 = 1 << 21;
export const TSR: u64 = 1 << 22;

// mip and mie
export const SSI: u64 = 1 << 1;
export const STI: u64 = 1 << 5;
export const SEI: u64 = 1 << 9;

// Causes of exceptions
export const FETCH_ACCESS: u64 = 1;
export const ILLEGAL: u64 = 2;
export const BREAKPOINT: u64 = 3;
export const LOAD_MISALIGNED: u64 = 4;
export const LOAD_ACCESS: u64 = 5;
export const STORE_MISALIGNED: u64 = 6;
export const STORE_ACCESS: u64 = 7;
export const CALL_FROM_U: u64 = 8;
export const FETCH_PAGE: u64 = 12;
export const LOAD_PAGE: u64 = 13;
export const STORE_PAGE: u64 = 15;
export const INTERRUPT: u64 = 1 << 63;

/** Reads a word of the state: `get(HART_MEPC)`. */
// @ts-ignore: decorator
@inline
export function get(field: usize): u64 {
  return load<u64>(hart + field);
}

// @ts-ignore: decorator
@inline
export function set(field: usize, value: u64): void {
  store<u64>(hart + field, value);
}

export function readX(register: u32): u64 {
  return load<u64>(hart + HART_X + (<usize>register << 3));
}

/** Writes an integer register; x0 stays 0. */
export function writeX(register: u32, value: u64): void {
  if (register) store<u64>(hart + HART_X + (<usize>register << 3), value);
}

export function readF(register: u32): u64 {
  return load<u64>(hart + HART_F + (<usize>register << 3));
}

/** Writes a floating-point register and makes FS dirty. */
export function writeF(register: u32, value: u64): void {
  store<u64>(hart + HART_F + (<usize>register << 3), value);
  dirtyFloat();
}

export function floatIsOff(): bool {
  return !(get(HART_MSTATUS) & FS);
}

export function dirtyFloat(): void {
  set(HART_MSTATUS, get(HART_MSTATUS) | FS);
}

// ---- refusing ---------------------------------------------------------------------------------
//
// A function that cannot give a result returns 0 or false and says here why. The run loop then
// either takes the trap or leaves for the device.

/** The access belongs to a device: `mmio*` in the state describes it. */
export let isMmio: bool = false;
export let trapCause: u64 = 0;
export let trapValue: u64 = 0;

/** Refuses with a trap. Returns 0, for the caller to return. */
export function refuse(cause: u64, value: u64): usize {
  isMmio = false;
  trapCause = cause;
  trapValue = value;
  return 0;
}

/** Refuses since a device has to be asked. Returns 0. */
export function refuseForMmio(): usize {
  isMmio = true;
  return 0;
}
