/**
 * The changes that the control context makes to the machine while it runs, and how it undoes them.
 *
 * @module
 */

import type { MemoryAccess, MemoryRegion } from "@guestmem/flatview";
import type { RamBlock } from "@guestmem/ramblock";
import type { Findings } from "../lib/findings.ts";
import { Random } from "../lib/random.ts";
import { fillWords, Key } from "./answers.ts";
import { DeviceBoard } from "./device_board.ts";
import { Ledger } from "./ledger.ts";
import type { DemoMachine } from "./machine.ts";
import type { Memory } from "./memory.ts";
import type { Plant } from "./options.ts";
import {
  BARS,
  DEVICE_BYTES,
  DIMM,
  DMA,
  FileId,
  PlaceNumber,
  PLACES,
  TWINS,
  VGA,
} from "./places.ts";

const PAGE = 4096;

/** A DIMM in its slot. */
interface Dimm {
  readonly block: RamBlock;
  readonly region: MemoryRegion;
}

/** How often each kind of change was made. */
export type ChangeCounts = Record<string, number>;

/** Changes the machine, and keeps the ledger of what vCPUs may see. */
export class Changes {
  readonly ledger: Ledger = Ledger.create(PLACES.length);
  readonly counts: ChangeCounts = {};
  /** Bytes of DIMMs that were unplugged. */
  unpluggedBytes = 0;
  /** Those of them that no view shows any more. */
  removedBytes = 0;
  /** Devices that were unplugged, and their finalisers that have run. */
  readonly finalisers = { due: 0, run: 0 };
  readonly #machine: DemoMachine;
  readonly #memory: Memory;
  readonly #board: DeviceBoard;
  readonly #findings: Findings;
  readonly #random: Random;
  readonly #plant: Plant | undefined;
  readonly #system: MemoryRegion;
  readonly #dimms: (Dimm | null)[] = DIMM.homes.map(() => null);
  #device: MemoryRegion | null = null;
  #plugged = 0;
  #target = 0;

  /** Enters the machine as it is in the ledger. */
  constructor(
    machine: DemoMachine,
    memory: Memory,
    access: MemoryAccess,
    findings: Findings,
    seed: number,
    plant: Plant | undefined,
  ) {
    this.#machine = machine;
    this.#memory = memory;
    this.#findings = findings;
    this.#board = new DeviceBoard(access, findings);
    this.#random = new Random(seed, 1000);
    this.#plant = plant;
    this.#system = machine.region(FileId.SYSTEM);
    BARS.forEach(({ id, homes: [home] }, place) => this.#state(place, home, id));
    this.#state(PlaceNumber.SMRAM, VGA.at, FileId.VGA_WINDOW);
    this.#state(PlaceNumber.SHARED, PLACES[PlaceNumber.SHARED]!.homes[0]!, Key.SHARED);
    this.#state(PlaceNumber.FLASH, PLACES[PlaceNumber.FLASH]!.homes[0]!, Key.FLASH);
    this.#state(PlaceNumber.TWINS, TWINS[0], 0);
  }

  /** Accesses that this context served. */
  get served(): number {
    return this.#board.served;
  }

  /** Changes made so far. */
  get count(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  /** Makes one random change. */
  step(): void {
    const kinds = [
      () => this.#moveBar(this.#random.below(BARS.length)),
      () => this.#moveShared(),
      () => this.#toggleSmram(),
      () => this.#toggleRomd(),
      () => this.#hotplugDimm(this.#random.below(DIMM.homes.length)),
      () => this.#hotplugDevice(),
      () => this.#remap(),
      () => this.#swapTwins(),
    ];
    kinds[this.#random.below(kinds.length)]!();
  }

  /** Restores QEMU's machine. */
  restore(): void {
    BARS.forEach(({ homes: [home] }, place) => {
      if (this.#base(place) !== home) this.#moveBar(place);
    });
    const [home] = PLACES[PlaceNumber.SHARED]!.homes;
    if (this.#base(PlaceNumber.SHARED) !== home) this.#moveShared();
    if (!this.#machine.region(FileId.SMRAM_WINDOW).enabled) this.#toggleSmram();
    this.#dimms.forEach((dimm, index) => dimm && this.#hotplugDimm(index));
    if (this.#device !== null) this.#hotplugDevice();
    if (this.#base(PlaceNumber.IOMMU) !== null) this.#remap();
  }

  /** Announces, commits and settles the next version of a place. */
  #change(what: string, place: number, base: number | null, key: number, commit: () => void): void {
    this.ledger.announce(place, base, key);
    commit();
    this.ledger.settle(place);
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  #state(place: number, base: number, key: number): void {
    this.ledger.announce(place, base, key);
    this.ledger.settle(place);
  }

  #base(place: number): number | null {
    return this.ledger.base(place, this.ledger.ceiling(place));
  }

  #otherHome(place: number): number {
    const { homes } = PLACES[place]!;
    return this.#base(place) === homes[0] ? homes[1]! : homes[0]!;
  }

  #moveBar(place: number): void {
    const { id } = BARS[place]!;
    const home = this.#otherHome(place);
    this.#change("BARs moved", place, home, id, () => this.#machine.region(id).setAddress(home));
  }

  #moveShared(): void {
    const place = PlaceNumber.SHARED;
    const home = this.#otherHome(place);
    const region = this.#machine.region(FileId.SHARED);
    this.#change("BARs moved", place, home, Key.SHARED, () => region.setAddress(home));
  }

  #toggleSmram(): void {
    const window = this.#machine.region(FileId.SMRAM_WINDOW);
    const enabled = !window.enabled;
    const key = enabled ? FileId.VGA_WINDOW : Key.HIDDEN_RAM;
    this.#change("SMRAM toggled", PlaceNumber.SMRAM, VGA.at, key, () => window.setEnabled(enabled));
  }

  #toggleRomd(): void {
    const { flash } = this.#machine.additions;
    const romd = !flash.romd;
    const key = romd ? Key.FLASH : Key.FLASH_REGISTERS;
    const place = PlaceNumber.FLASH;
    this.#change("romd toggled", place, PLACES[place]!.homes[0]!, key, () => flash.setRomd(romd));
  }

  #hotplugDimm(index: number): void {
    const place = PlaceNumber.DIMMS[index]!;
    const dimm = this.#dimms[index]!;
    if (dimm === null) this.#plugDimm(index, place);
    else this.#unplugDimm(index, place, dimm);
  }

  #plugDimm(index: number, place: number): void {
    const { blocks } = this.#memory;
    const number = this.#plugged++;
    const key = Key.PLUGGED + number;
    const block = blocks.addAnonymous({ name: `dimm${number}`, length: DIMM.bytes });
    const words = this.#memory.words(block.offset, DIMM.bytes);
    if (words.some((word) => word !== 0)) {
      this.#findings.add("a store reached RAM after it was freed", () => block.name);
    }
    for (let page = 0; page < DIMM.bytes; page += PAGE) {
      fillWords(words.subarray(page / 4, (page + PAGE / 2) / 4), key, page);
    }
    const backing = { blockId: block.id, ramAddr: block.offset };
    // A reader whose view shows the DIMM may look the block up until its section ends. So the block
    // is removed when no view shows it, and its memory is reclaimed after another grace period.
    const finalize = () => {
      blocks.remove(block.id);
      this.removedBytes += DIMM.bytes;
    };
    const region = this.#machine.topology.initRam(block.name, DIMM.bytes, backing, { finalize });
    this.#dimms[index] = { block, region };
    const home = DIMM.homes[index]!;
    this.#change("DIMMs plugged", place, home, key, () => this.#system.addSubregion(home, region));
  }

  #unplugDimm(index: number, place: number, { block, region }: Dimm): void {
    this.#change("DIMMs unplugged", place, null, 0, () => {
      // The bug: memory is freed that readers still see.
      if (this.#plant === "early-free") this.#memory.words(block.offset, DIMM.bytes).fill(0);
      this.#system.delSubregion(region);
    });
    this.#dimms[index] = null;
    // The bug: the creator's reference is never dropped.
    if (this.#plant !== "leak" || this.unpluggedBytes > 0) region.destroy();
    this.unpluggedBytes += DIMM.bytes;
  }

  #hotplugDevice(): void {
    const place = PlaceNumber.DEVICE;
    if (this.#device !== null) {
      const device = this.#device;
      this.#device = null;
      this.finalisers.due++;
      this.#change("devices unplugged", place, null, 0, () => this.#system.delSubregion(device));
      device.destroy();
      return;
    }
    const key = Key.PLUGGED + this.#plugged++;
    let end = () => {};
    const device = this.#device = this.#machine.topology.initIo("device", DEVICE_BYTES, {}, {
      finalize: () => {
        this.finalisers.run++;
        end();
      },
    });
    end = this.#board.plug({ region: device.id, key, origin: 0, writeKey: key });
    const home = PLACES[place]!.homes[0]!;
    this.#change("devices plugged", place, home, key, () => {
      this.#system.addSubregionOverlap(home, device, 1);
    });
  }

  #remap(): void {
    const { table } = this.#machine.additions;
    const place = PlaceNumber.IOMMU;
    if (this.#base(place) !== null) {
      this.#change("IOMMU unmapped", place, null, 0, () => void table.unmap(DMA.iova, PAGE));
      return;
    }
    const target = this.#target = 1 - this.#target;
    this.#change("IOMMU mapped", place, DMA.iova, Key.DMA + target, () => {
      table.map(DMA.iova, PAGE, DMA.targets[target]!, 3);
    });
  }

  #swapTwins(): void {
    const home = this.#otherHome(PlaceNumber.TWINS);
    const { topology, additions: { twins } } = this.#machine;
    const [first, second] = TWINS[0] === home ? TWINS : [TWINS[1], TWINS[0]];
    const move = [() => twins[0]!.setAddress(first), () => twins[1]!.setAddress(second)];
    this.#change("pages swapped", PlaceNumber.TWINS, home, 0, () => {
      // The bug: readers see the first move without the second.
      if (this.#plant === "two-commits") move.forEach((one) => one());
      else topology.transaction(() => move.forEach((one) => one()));
    });
  }
}
