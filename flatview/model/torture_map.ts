/** The map that the torture changes, and what every reader may see of it. */
import type { MemoryRegion } from "../region/memory_region.ts";
import type { Topology } from "../topology/topology.ts";
import { RangeFlag } from "../region/range_flags.ts";

/** Where things are. */
export const Place = {
  /** RAM, as one DIMM or as two halves of the same bytes. */
  DIMM: 0x0,
  DIMM_SIZE: 0x20_0000,
  /** VGA, over which a window of SMRAM opens and closes. */
  VGA: 0x40_0000,
  /** A ROM device that changes its mode. */
  FLASH: 0x50_0000,
  /** Two BARs that swap their places in one step, always two of these. */
  SLOTS: [0x60_0000, 0x60_1000, 0x60_2800, 0x70_0000] as readonly number[],
  /** A device that is unplugged and replaced by a new one. */
  PLUG: 0x80_0100,
} as const;

/** Ids of the regions that stay. */
export interface TortureIds {
  readonly ram: number;
  readonly vga: number;
  readonly smram: number;
  readonly flash: number;
  readonly bars: readonly [number, number];
}

/** Looks one address up in one version of the map: region, flags and offset. */
export type Look = (address: number) => { region: number; flags: number; offset: number };

/** The map as the control context changes it. */
export class TortureMap {
  readonly ids: TortureIds;
  readonly root: MemoryRegion;
  readonly #topology: Topology;
  readonly #halves: readonly MemoryRegion[];
  readonly #smram: MemoryRegion;
  readonly #flash: MemoryRegion;
  readonly #bars: readonly [MemoryRegion, MemoryRegion];
  readonly #finalize: (region: MemoryRegion) => void;
  #device: MemoryRegion | null = null;
  #at: [number, number] = [0, 1];
  /** MmioDispatcher that were made. */
  plugged = 0;

  constructor(topology: Topology, finalize: (region: MemoryRegion) => void) {
    this.#topology = topology;
    this.#finalize = finalize;
    const backing = { blockId: 1, ramAddr: 0n };
    const root = this.root = topology.initContainer("system", 2n ** 64n);
    const ram = topology.initRam("ram", Place.DIMM_SIZE, backing);
    const half = Place.DIMM_SIZE / 2;
    this.#halves = [0, half].map((at) => topology.initAlias(`half${at}`, half, ram, at));
    const whole = topology.initAlias("whole", Place.DIMM_SIZE, ram, 0);
    const vga = topology.initIo("vga", 0x2_0000, {});
    this.#smram = topology.initRam("smram", 0x2_0000, backing);
    this.#flash = topology.initRomDevice("flash", 0x1000, backing, {});
    this.#bars = [topology.initIo("bar0", 0x800, {}), topology.initIo("bar1", 0x1000, {})];
    // Halves that are alike would join to what the whole shows.
    this.#halves[1]!.setNonvolatile(true);
    topology.transaction(() => {
      this.#halves.forEach((region, i) => {
        region.setEnabled(false);
        root.addSubregion(i * half, region);
      });
      root.addSubregion(Place.DIMM, whole);
      root.addSubregion(Place.VGA, vga);
      root.addSubregionOverlap(Place.VGA, this.#smram, 1);
      root.addSubregion(Place.FLASH, this.#flash);
      this.#bars.forEach((bar, i) => root.addSubregion(Place.SLOTS[i]!, bar));
    });
    this.ids = {
      ram: ram.id,
      vga: vga.id,
      smram: this.#smram.id,
      flash: this.#flash.id,
      bars: [this.#bars[0].id, this.#bars[1].id],
    };
  }

  /** One of the changes, each in one step. */
  change(step: number): void {
    switch (step % 5) {
      case 0:
        return this.#moveBars(step);
      case 1:
        return this.#splitDimm();
      case 2:
        return this.#smram.setEnabled(!this.#smram.enabled);
      case 3:
        return this.#flash.setRomd(!this.#flash.romd);
      default:
        return this.#replug();
    }
  }

  /** The planted bug: a move in two steps. Takes a BAR out and gives what puts it back. */
  takeBarOut(): () => void {
    const [bar] = this.#bars;
    this.root.delSubregion(bar);
    return () => this.root.addSubregion(Place.SLOTS[this.#at[0]]!, bar);
  }

  #moveBars(step: number): void {
    const next: [number, number] = [step % 4, (step + 1 + step % 3) % 4];
    this.#at = next;
    this.#topology.transaction(() => {
      this.#bars.forEach((bar, i) => bar.setAddress(Place.SLOTS[next[i]!]!));
    });
  }

  #splitDimm(): void {
    const whole = this.root.subregions.find(({ name }) => name === "whole")!;
    this.#topology.transaction(() => {
      whole.setEnabled(!whole.enabled);
      for (const region of this.#halves) region.setEnabled(!region.enabled);
    });
  }

  #replug(): void {
    this.#topology.transaction(() => {
      if (this.#device !== null) {
        this.root.delSubregion(this.#device);
        this.#device.destroy();
      }
      const device = this.#device = this.#topology.initIo("device", 0x300, {}, {
        finalize: this.#finalize,
      });
      this.plugged++;
      this.root.addSubregion(Place.PLUG, device);
    });
  }

  /** Takes the last device out. */
  unplug(): void {
    if (this.#device === null) return;
    this.root.delSubregion(this.#device);
    this.#device.destroy();
    this.#device = null;
  }
}

/**
 * What is wrong with one version of the map; empty if it is one that was committed.
 *
 * @param look Looks addresses up in that version.
 * @param ids The regions.
 * @param isFinalised Whether the device with this id is finalised, asked while its section is seen.
 */
export function faults(
  look: Look,
  ids: TortureIds,
  isFinalised: (id: number) => boolean,
): string[] {
  const found: string[] = [];
  for (const at of [0, 0x1234, Place.DIMM_SIZE / 2 - 1, Place.DIMM_SIZE / 2, Place.DIMM_SIZE - 1]) {
    const { region, offset } = look(at);
    if (region !== ids.ram || offset !== at) found.push(`a hole in the RAM at ${at}`);
  }
  const low = look(Place.VGA + 0x10);
  if (low.region !== ids.vga && low.region !== ids.smram) found.push("neither VGA nor SMRAM");
  const flash = look(Place.FLASH);
  if (flash.region !== ids.flash || !(flash.flags & RangeFlag.ROM_DEVICE)) found.push("no flash");
  const slots = Place.SLOTS.map((at) => look(at));
  for (const id of ids.bars) {
    const seen = slots.filter(({ region, offset }) => region === id && offset === 0).length;
    if (seen !== 1) found.push(`a BAR in ${seen} places`);
  }
  const device = look(Place.PLUG + 0x20);
  if (device.region !== 0) {
    if (device.offset !== 0x20) found.push(`the device at offset ${device.offset}`);
    if (isFinalised(device.region)) found.push("a device that is finalised");
  }
  return found;
}
