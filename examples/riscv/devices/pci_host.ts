/**
 * The generic PCI Express host: its configuration window (ECAM), with the host bridge as the only
 * device of the bus.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";
import { allOnes } from "./unassigned_io.ts";

/** Bytes of a function's configuration space in the window. */
const FUNCTION_BYTES = 4096;
/** QEMU's bridge is a conventional device: it has no extended space. */
const CONVENTIONAL_BYTES = 256;

const COMMAND = 0x04;
const LINE = 0x3c;
/** Bits of the command register that can be set. */
const COMMAND_MASK = 0x0407;

/** The configuration space of the bridge. */
function bridgeSpace(): DataView {
  const space = new DataView(new ArrayBuffer(CONVENTIONAL_BYTES));
  space.setUint16(0x00, 0x1b36, true); // vendor: Red Hat
  space.setUint16(0x02, 0x0008, true); // device: host bridge
  space.setUint16(0x0a, 0x0600, true); // class: host bridge
  space.setUint16(0x2c, 0x1af4, true);
  space.setUint16(0x2e, 0x1100, true);
  return space;
}

/** The callbacks of the configuration window. */
export function pciHostOps(): MemoryRegionOps {
  const bridge = bridgeSpace();
  return {
    read: (offset, size) => {
      const at = Number(offset);
      if (at >= FUNCTION_BYTES) return allOnes(size);
      return at + size > CONVENTIONAL_BYTES ? 0 : readBytes(bridge, at, size);
    },
    write: (offset, value, size) => {
      const at = Number(offset);
      if (at + size > CONVENTIONAL_BYTES) return;
      for (let byte = 0; byte < size; byte++) writeByte(bridge, at + byte, value >>> 8 * byte);
    },
  };
}

function readBytes(space: DataView, at: number, size: number): number {
  let value = 0;
  for (let byte = size; byte-- > 0;) value = value << 8 | space.getUint8(at + byte);
  return value >>> 0;
}

function writeByte(space: DataView, at: number, value: number): void {
  const isCommand = at === COMMAND || at === COMMAND + 1;
  const mask = isCommand ? COMMAND_MASK >>> 8 * (at - COMMAND) & 0xff : at === LINE ? 0xff : 0;
  space.setUint8(at, space.getUint8(at) & ~mask | value & mask);
}
