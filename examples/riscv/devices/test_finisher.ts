/**
 * SiFive's test finisher: how the guest powers off or resets the machine.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";

/** How the guest ended its run. */
export type GuestExit =
  | { readonly kind: "power-off" }
  | { readonly kind: "reset" }
  | { readonly kind: "fail"; readonly code: number };

const FAIL = 0x3333;
const PASS = 0x5555;
const RESET = 0x7777;

/** The callbacks of the finisher's region. */
export function testFinisherOps(finish: (exit: GuestExit) => void): MemoryRegionOps {
  return {
    valid: { minAccessSize: 2, maxAccessSize: 4 },
    read: () => 0,
    write: (offset, value) => {
      if (Number(offset) !== 0) return;
      const status = value & 0xffff;
      if (status === PASS) finish({ kind: "power-off" });
      else if (status === RESET) finish({ kind: "reset" });
      else if (status === FAIL) finish({ kind: "fail", code: value >>> 16 });
    },
  };
}
