/**
 * A PCI function: its configuration, its BARs in the bus's memory, its interrupt, and whether it may
 * master the bus.
 *
 * @module
 */

import type { MemoryRegion } from "@guestmem/flatview";
import { COMMAND, type ConfigurationSpace, REGISTER } from "./configuration_space.ts";

/** A base address register and what it shows. */
export interface Bar {
  /** From 0 to 5. One of 64 bits takes the next one too. */
  readonly index: number;
  readonly is64: boolean;
  readonly region: MemoryRegion;
}

/** What the bus does for a function. */
export interface PciWiring {
  /** The container that shows the bus's memory. */
  readonly memory: MemoryRegion;
  /** Makes several changes of the map one step. */
  readonly transaction: (change: () => void) => void;
  /** Raises or lowers pin A. */
  setInterrupt(isUp: boolean): void;
  /** The guest lets the function master the bus, or not. */
  setMaster(isMaster: boolean): void;
}

/** Low bits of a BAR: 64 bits, prefetchable. */
const BAR_64 = 0xc;
/** What an unmapped BAR's address is. */
const UNMAPPED = null;
/** A BAR over what the board has: QEMU's priority. */
const PRIORITY = 1;

/** A function on a bus. The context that owns the map calls all of its functions. */
export class PciFunction {
  readonly configuration: ConfigurationSpace;
  readonly #bars: readonly Bar[];
  readonly #wiring: PciWiring;
  /** Where each BAR is mapped. */
  readonly #mapped: (bigint | null)[];
  #isMaster = false;
  #wantsInterrupt = false;
  #isUp = false;

  constructor(configuration: ConfigurationSpace, bars: readonly Bar[], wiring: PciWiring) {
    this.configuration = configuration;
    this.#bars = bars;
    this.#wiring = wiring;
    this.#mapped = bars.map(() => UNMAPPED);
    for (const { index, is64, region } of bars) {
      const at = registerOf(index), size = Number(region.size);
      configuration.set32(at, is64 ? BAR_64 : 0);
      configuration.allow32(at, -size);
      if (is64) configuration.allow32(at + 4, -1);
    }
  }

  /** Where a BAR is, or null. */
  address(index: number): bigint | null {
    return this.#mapped[this.#bars.findIndex((bar) => bar.index === index)] ?? UNMAPPED;
  }

  /** The guest reads the configuration. */
  read(offset: number, size: number): number {
    return this.configuration.read(offset, size);
  }

  /** The guest writes the configuration. The map, the interrupt and bus mastering follow. */
  write(offset: number, value: number, size: number): void {
    this.configuration.write(offset, value, size);
    this.#update();
  }

  /** The device raises or lowers its interrupt. */
  setInterrupt(isUp: boolean): void {
    this.#wantsInterrupt = isUp;
    this.configuration.showInterrupt(isUp);
    this.#updateInterrupt();
  }

  /** As after the board's reset: nothing is mapped. */
  reset(): void {
    this.setInterrupt(false);
    this.configuration.reset();
    this.#update();
  }

  #update(): void {
    const wanted = this.#bars.map((bar) => this.#wanted(bar));
    if (wanted.some((address, position) => address !== this.#mapped[position])) {
      this.#wiring.transaction(() =>
        wanted.forEach((address, position) => this.#map(position, address))
      );
    }
    const isMaster = (this.configuration.get16(REGISTER.COMMAND) & COMMAND.MASTER) !== 0;
    if (isMaster !== this.#isMaster) {
      this.#isMaster = isMaster;
      this.#wiring.setMaster(isMaster);
    }
    this.#updateInterrupt();
  }

  #updateInterrupt(): void {
    const isOff = (this.configuration.get16(REGISTER.COMMAND) & COMMAND.INTERRUPT_OFF) !== 0;
    const isUp = this.#wantsInterrupt && !isOff;
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    this.#wiring.setInterrupt(isUp);
  }

  /** Where a BAR is to be: nowhere while memory is off, at address 0, and where it would wrap. */
  #wanted({ index, is64, region }: Bar): bigint | null {
    const { configuration } = this;
    if (!(configuration.get16(REGISTER.COMMAND) & COMMAND.MEMORY)) return UNMAPPED;
    const at = registerOf(index);
    const low = BigInt((configuration.get32(at) & ~0xf) >>> 0);
    const address = is64 ? BigInt(configuration.get32(at + 4)) << 32n | low : low;
    const last = address + BigInt(region.size) - 1n;
    const limit = is64 ? 2n ** 64n - 1n : 2n ** 32n - 1n;
    return address === 0n || last >= limit ? UNMAPPED : address;
  }

  #map(position: number, address: bigint | null): void {
    const before = this.#mapped[position], { region } = this.#bars[position]!;
    if (address === before) return;
    if (before !== UNMAPPED) this.#wiring.memory.delSubregion(region);
    if (address !== UNMAPPED) this.#wiring.memory.addSubregionOverlap(address, region, PRIORITY);
    this.#mapped[position] = address;
  }
}

function registerOf(bar: number): number {
  return REGISTER.BARS + 4 * bar;
}
