/**
 * What a vCPU executes: recorded accesses, mixed with work on RAM and with accesses to everything
 * that changes. It checks each result.
 *
 * @module
 */

import { AddressSpaceReader, type GuestSpace, MemTxResult } from "@guestmem/flatview";
import { IommuReader } from "@guestmem/iommu";
import { Random } from "../lib/random.ts";
import { Vcpu } from "../lib/vcpu/vcpu.ts";
import { answerOf, Key, wordOf } from "./answers.ts";
import { Judge } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import { Counter, type VcpuOrder, type VcpuResult } from "./messages.ts";
import { DMA, HIGH_RAM, PlaceNumber, PLACES, TEAR_PAGE, TWINS, WORK } from "./places.ts";
import type { RecordedAccess } from "./recording.ts";

const PAGE = 4096;
/**
 * Parts of a slice: rounds of RAM accesses, accesses in each round, recorded accesses at the end.
 */
const ROUNDS = 16;
const ROUND = 64;
const RECORDED = 4;
/** A DIMM's content is in the first half of each page; vCPUs write random words to the second. */
const SCRATCH = 0x800;

/** The guest of one vCPU. */
export class Guest {
  readonly #cpu: Vcpu;
  readonly #order: VcpuOrder;
  readonly #judge: Judge;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #ports: GuestSpace;
  readonly #dma: GuestSpace;
  readonly #views: AddressSpaceReader;
  readonly #counters: Float64Array;
  #next: number;
  #accesses = 0;
  #exits = 0;
  #sections = 0;

  /** @param order This vCPU's orders. */
  constructor(order: VcpuOrder) {
    this.#order = order;
    const cpu = this.#cpu = new Vcpu(order, `vCPU ${order.number}`);
    this.#ledger = Ledger.attach(order.ledger);
    this.#judge = new Judge(this.#ledger);
    this.#random = new Random(order.seed, order.number);
    this.#ports = cpu.access.attach(order.ports);
    this.#dma = cpu.access.attach(order.dma);
    const iommu = new IommuReader(cpu.arena, cpu.reader, order.iommu);
    cpu.access.bindIommu(order.dmaRegion, iommu.translator(order.iommuRegion));
    cpu.access.setTarget(0, cpu.memory);
    this.#views = AddressSpaceReader.attach(cpu.arena, order.memory);
    this.#counters = new Float64Array(order.counters).subarray(order.number * Counter.ROW);
    this.#next = order.start;
    // The bug: the TLB believes that the map never changes.
    if (order.plant === "stale-tlb") cpu.memory.reader.generation = () => 1;
  }

  /** Runs until the vCPU is asked to stop. */
  run(): VcpuResult {
    const cpu = this.#cpu;
    this.#judge.begin();
    cpu.run(() => this.#slice());
    cpu.close();
    const { settled, overtaken, holes, findings } = this.#judge;
    return {
      ...{ accesses: this.#accesses, exits: this.#exits, sections: this.#sections },
      ...{ settled, overtaken, holes, findings: findings.list() },
    };
  }

  #slice(): void {
    for (let round = 0; round < ROUNDS; round++) {
      this.#work();
      this.#changing();
      this.#torn();
      this.#cpu.loop.heed();
    }
    this.#twins();
    this.#remapped();
    for (let i = 0; i < RECORDED; i++) this.#replay();
    this.#publish();
    // The next section begins after this: the judge takes its floors before it.
    this.#judge.begin();
  }

  /** RAM: each word depends on its offset, and is stored back unchanged. */
  #work(): void {
    const { unit } = this.#cpu;
    const from = WORK.from[this.#random.below(WORK.from.length)]!;
    const start = this.#random.below(WORK.pages * PAGE / 4 - ROUND) * 4;
    const offset = (from < 2 ** 32 ? from : from - 2 ** 32 + HIGH_RAM) + start;
    let wrong = -1;
    for (let i = 0; i < ROUND; i += 2) {
      const at = 4 * i;
      if (unit.load32(from + start + at) !== wordOf(Key.RAM, offset + at)) wrong = at;
      unit.store32(from + start + at + 4, wordOf(Key.RAM, offset + at + 4));
    }
    this.#accesses += ROUND;
    if (wrong < 0) return;
    this.#judge.findings.add("RAM held what it must not", () => {
      return `at 0x${(from + start + wrong).toString(16)}`;
    });
  }

  /** Memory that moves, comes and goes. */
  #changing(): void {
    for (const place of [...PlaceNumber.DIMMS, PlaceNumber.SHARED, PlaceNumber.FLASH]) {
      const { bytes, homes, writeKey } = PLACES[place]!;
      const page = this.#random.below(bytes / PAGE) * PAGE;
      const offset = page + this.#random.below(SCRATCH / 4) * 4;
      const base = homes[this.#random.below(homes.length)]!;
      this.#load(place, base + offset, 4);
      if (writeKey === null) {
        this.#store(place, base + offset + SCRATCH, 4, this.#random.below(2 ** 31));
      } else if (place === PlaceNumber.SHARED) {
        this.#store(place, base + offset, 4, answerOf(writeKey, offset, 4));
      }
    }
  }

  /**
   * Eight bytes that several vCPUs store at once, a number and its complement: a load must not mix
   * two.
   */
  #torn(): void {
    const { unit } = this.#cpu;
    const address = TEAR_PAGE + 8 * this.#random.below(4);
    const value = this.#random.below(2 ** 31);
    unit.store64(address, value, ~value);
    const low = unit.load64(address);
    this.#accesses += 2;
    if (low === ~unit.upper) return;
    this.#judge.findings.add("eight bytes of RAM were torn", () => `${low} and ${unit.upper}`);
  }

  /** Two pages that are swapped in one transaction: a view shows each of them once. */
  #twins(): void {
    const { unit } = this.#cpu;
    const view = this.#views.view(unit.guard);
    const shown = TWINS.map((at) => this.#views.region(this.#views.lookupIn(view, at)));
    this.#accesses += 2;
    const { twins } = this.#order;
    const isWhole = shown[0] !== shown[1] && shown.every((region) => twins.includes(region));
    const home = TWINS[shown.indexOf(twins[0]!)];
    if (isWhole && this.#judge.lay(PlaceNumber.TWINS, home!)) return;
    this.#judge.findings.add("a view showed half of a transaction", () => `regions ${shown}`);
  }

  /** A page behind the IOMMU, accessed as a device does. */
  #remapped(): void {
    const dma = this.#dma;
    const address = DMA.iova + 4 * this.#random.below(PAGE / 4);
    const seen = dma.load32le(address);
    this.#accesses++;
    this.#judge.loaded(PlaceNumber.IOMMU, address, 4, seen, dma.result);
  }

  /** The next recorded access, or an access to the device that is plugged and unplugged. */
  #replay(): void {
    if (this.#random.once(32)) {
      const { homes: [home], bytes } = PLACES[PlaceNumber.DEVICE]!;
      this.#exits++;
      this.#load(PlaceNumber.DEVICE, home! + 4 * this.#random.below(bytes / 4), 4);
      return;
    }
    const { recording } = this.#order;
    const access = recording.accesses[recording.order[this.#next]!]!;
    this.#next = (this.#next + 1) % recording.order.length;
    this.#exits++;
    if (access.isPort) this.#cpu.loop.outside(() => this.#port(access));
    else if (access.place === null) this.#device(access);
    else this.#moving(access, access.place);
  }

  /** A device that does not move. */
  #device({ address, size, isWrite, key, offset, writeKey }: RecordedAccess): void {
    const { unit } = this.#cpu;
    unit.result = MemTxResult.OK;
    if (isWrite) this.#storeSized(address, size, answerOf(writeKey, offset, size));
    const expected = isWrite ? 0 : answerOf(key, offset, size);
    const seen = isWrite ? 0 : this.#loadSized(address, size);
    this.#accesses++;
    this.#judge.fixed("a device", seen, expected, unit.result);
  }

  /** A device whose BAR moves, at its newest address. The reader's map may be older or newer. */
  #moving({ address, size, isWrite, offset, writeKey }: RecordedAccess, place: number): void {
    const base = this.#ledger.base(place, this.#ledger.ceiling(place));
    const at = (base ?? PLACES[place]!.homes[0]!) + address;
    if (isWrite) this.#store(place, at, size, answerOf(writeKey, offset, size));
    else this.#load(place, at, size);
  }

  /** A port: ports bypass the TLB. */
  #port({ address, size, isWrite, key, offset, writeKey }: RecordedAccess): void {
    const ports = this.#ports;
    let seen = 0;
    let expected = 0;
    if (isWrite) storeTo(ports, address, size, answerOf(writeKey, offset, size));
    else {
      seen = size === 1
        ? ports.load8(address)
        : size === 2
        ? ports.load16le(address)
        : ports.load32le(address);
      expected = answerOf(key, offset, size);
    }
    this.#accesses++;
    this.#judge.fixed("a port", seen, expected, ports.result);
  }

  #load(place: number, address: number, size: number): void {
    const { unit } = this.#cpu;
    unit.result = MemTxResult.OK;
    const seen = this.#loadSized(address, size);
    this.#accesses++;
    this.#judge.loaded(place, address, size, seen, unit.result);
  }

  #store(place: number, address: number, size: number, value: number): void {
    const { unit } = this.#cpu;
    unit.result = MemTxResult.OK;
    this.#storeSized(address, size, value);
    this.#accesses++;
    this.#judge.stored(place, address, unit.result);
  }

  #loadSized(address: number, size: number): number {
    const { unit } = this.#cpu;
    if (size === 1) return unit.load8(address);
    return size === 2 ? unit.load16(address) : unit.load32(address);
  }

  #storeSized(address: number, size: number, value: number): void {
    const { unit } = this.#cpu;
    if (size === 1) unit.store8(address, value);
    else if (size === 2) unit.store16(address, value);
    else unit.store32(address, value);
  }

  #publish(): void {
    this.#sections++;
    this.#counters[Counter.ACCESSES] = this.#accesses;
    this.#counters[Counter.EXITS] = this.#exits;
    this.#counters[Counter.SECTIONS] = this.#sections;
    this.#counters[Counter.FINDINGS] = this.#judge.findings.count;
  }
}

function storeTo(space: GuestSpace, address: number, size: number, value: number): void {
  if (size === 1) space.store8(address, value);
  else if (size === 2) space.store16le(address, value);
  else space.store32le(address, value);
}
