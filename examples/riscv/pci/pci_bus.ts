/**
 * A PCI bus behind a window of configuration accesses (ECAM): QEMU's generic host, with the host bridge
 * as device 0.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";
import { allOnes } from "../devices/unassigned_io.ts";
import { ConfigurationSpace } from "./configuration_space.ts";

/** Bytes of a function's configuration space in the window. */
const FUNCTION_BYTES = 4096;
/** Devices of a bus; each is one function here. */
export const DEVICES = 32;
/** Interrupt lines of the host: pins of devices take them in turn. */
const LINES = 4;

/** What the bus knows of a device. */
export interface PciSlotOccupant {
  read(offset: number, size: number): number;
  write(offset: number, value: number, size: number): void;
}

/** The host bridge. */
function bridge(): PciSlotOccupant {
  return new ConfigurationSpace({
    vendor: 0x1b36,
    device: 0x0008,
    revision: 0,
    classCode: 0x0600,
    subsystem: 0x1100,
  });
}

/** The bus. */
export class PciBus {
  readonly #slots: (PciSlotOccupant | null)[] = new Array(DEVICES).fill(null);
  /** Which devices hold each line up. */
  readonly #raised: readonly Set<number>[] = Array.from({ length: LINES }, () => new Set());
  readonly #setLine: (line: number, isUp: boolean) => void;

  /**
   * @param setLine Raises or lowers one of the host's four interrupts.
   */
  constructor(setLine: (line: number, isUp: boolean) => void) {
    this.#setLine = setLine;
    this.#slots[0] = bridge();
  }

  /** The callbacks of the window. Accesses have 1, 2 or 4 bytes. */
  readonly ops: MemoryRegionOps = {
    read: (offset, size) => {
      const at = Number(offset);
      return this.#at(at)?.read(at % FUNCTION_BYTES, size) ?? allOnes(size);
    },
    write: (offset, value, size) => {
      const at = Number(offset);
      this.#at(at)?.write(at % FUNCTION_BYTES, value, size);
    },
  };

  /** The lowest slot that is free, or undefined. */
  freeSlot(): number | undefined {
    const slot = this.#slots.indexOf(null);
    return slot < 0 ? undefined : slot;
  }

  plug(slot: number, device: PciSlotOccupant): void {
    this.#slots[slot] = device;
  }

  /** Takes a device out, with its interrupt. */
  unplug(slot: number): void {
    this.setInterrupt(slot, false);
    this.#slots[slot] = null;
  }

  /** A device raises or lowers its pin A. */
  setInterrupt(slot: number, isUp: boolean): void {
    const line = slot % LINES, raised = this.#raised[line]!;
    const before = raised.size > 0;
    if (isUp) raised.add(slot);
    else raised.delete(slot);
    if (raised.size > 0 !== before) this.#setLine(line, !before);
  }

  #at(offset: number): PciSlotOccupant | null | undefined {
    const number = Math.floor(offset / FUNCTION_BYTES);
    // One function a device, on bus 0.
    return number % 8 === 0 ? this.#slots[number / 8] : null;
  }
}
