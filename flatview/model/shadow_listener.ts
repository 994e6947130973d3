/**
 * A listener that keeps what it is notified of, in the two ways in which listeners do: it follows what
 * comes and goes, and it makes a list anew in every commit. Both have to agree with the published view.
 */
import type { FlatRange } from "../render/flat_range.ts";
import { dirtyLogMask } from "../region/range_flags.ts";
import type { AddressSpace } from "../view/address_space.ts";
import {
  type MemoryListener,
  type MemoryRegionSection,
  sectionOf,
} from "../view/memory_listener.ts";

/** Throws at once if a notification contradicts what it knows. */
export class ShadowListener implements MemoryListener {
  /** The sections by address, with the clients that log each. */
  readonly #sections = new Map<bigint, { readonly line: string; mask: number }>();
  /** Ioeventfds and coalesced ranges. One that crosses two ranges is there twice, as in QEMU. */
  readonly #others: string[] = [];
  #fresh: string[] = [];
  #installed: string[] = [];
  #logsAll = false;

  /** @param space The address space for which it is registered. */
  constructor(readonly space: AddressSpace) {}

  begin(): void {
    this.#fresh = [];
  }

  commit(): void {
    this.#installed = this.#fresh;
  }

  regionAdd(section: MemoryRegionSection): void {
    const { offsetWithinAddressSpace: address, region } = section;
    if (this.#sections.has(address)) throw new Error(`comes twice: ${sectionLine(section)}`);
    const line = sectionLine(section);
    this.#sections.set(address, { line, mask: region!.dirtyLogMask });
    this.#fresh.push(line);
  }

  regionDel(section: MemoryRegionSection): void {
    this.#known(section);
    this.#sections.delete(section.offsetWithinAddressSpace);
  }

  regionNop(section: MemoryRegionSection): void {
    this.#fresh.push(this.#known(section).line);
  }

  logStart(section: MemoryRegionSection, _was: number, is: number): void {
    this.#known(section).mask = is;
  }

  logStop(section: MemoryRegionSection, _was: number, is: number): void {
    this.#known(section).mask = is;
  }

  logGlobalStart(): void {
    if (this.#logsAll) throw new Error("all memory is logged already");
    this.#logsAll = true;
  }

  logGlobalStop(): void {
    if (!this.#logsAll) throw new Error("all memory is not logged");
    this.#logsAll = false;
  }

  eventfdAdd(section: MemoryRegionSection, data: bigint | null, event: unknown): void {
    this.#come(eventLine(section.offsetWithinAddressSpace, section.size, data, event));
  }

  eventfdDel(section: MemoryRegionSection, data: bigint | null, event: unknown): void {
    this.#go(eventLine(section.offsetWithinAddressSpace, section.size, data, event));
  }

  coalescedIoAdd(_: MemoryRegionSection, address: bigint, size: bigint): void {
    this.#come(coalescedLine(address, size));
  }

  coalescedIoDel(_: MemoryRegionSection, address: bigint, size: bigint): void {
    this.#go(coalescedLine(address, size));
  }

  /** Whether all memory is logged. */
  get logsAll(): boolean {
    return this.#logsAll;
  }

  /** A line for each thing that it knows. */
  lines(): string[] {
    const sections = [...this.#sections.values()];
    return [
      ...sections.map(({ line, mask }) => `${line} log ${mask}`).sort(),
      ...this.#others.toSorted(),
      ...this.#installed.map((line) => `installed ${line}`),
    ];
  }

  /** The lines that it should have. */
  expectedLines(): string[] {
    const ranges = this.space.view.ranges();
    const lines = ranges.map((range) => sectionLine(sectionOf(this.space, range)));
    return [
      ...lines.map((line, i) => `${line} log ${dirtyLogMask(ranges[i]!.flags)}`).sort(),
      ...ranges.flatMap((range) => [...eventLines(range), ...coalescedLines(range)]).sort(),
      ...lines.map((line) => `installed ${line}`),
    ];
  }

  #known(section: MemoryRegionSection): { readonly line: string; mask: number } {
    const known = this.#sections.get(section.offsetWithinAddressSpace);
    const line = sectionLine(section);
    if (known?.line !== line) throw new Error(`is not there: ${line}, but ${known?.line}`);
    return known;
  }

  #come(line: string): void {
    this.#others.push(line);
  }

  #go(line: string): void {
    const at = this.#others.indexOf(line);
    if (at < 0) throw new Error(`goes without being there: ${line}`);
    this.#others.splice(at, 1);
  }
}

function sectionLine(section: MemoryRegionSection): string {
  const { region, offsetWithinAddressSpace: address, size, offsetWithinRegion: offset } = section;
  const words = [
    section.readonly && "readonly",
    section.nonvolatile && "nonvolatile",
    section.unmergeable && "unmergeable",
  ].filter(Boolean);
  return [`${hex(address)}+${hex(size)} ${region!.name}+${hex(offset)}`, ...words].join(" ");
}

function eventLine(address: bigint, size: bigint, data: bigint | null, event: unknown): string {
  return `event ${hex(address)}+${size} ${data} ${event}`;
}

function coalescedLine(address: bigint, size: bigint): string {
  return `coalesced ${hex(address)}+${hex(size)}`;
}

function eventLines({ region, first, last, offset }: FlatRange): string[] {
  return region.ioeventfds.flatMap(({ offset: at, size, data, event }) => {
    const address = at - offset + first;
    const end = address + BigInt(Math.max(size, 1));
    return end > first && address <= last ? [eventLine(address, BigInt(size), data, event)] : [];
  });
}

function coalescedLines({ region, first, last, offset }: FlatRange): string[] {
  return region.coalesced.flatMap((part) => {
    const [from, to] = [part.offset - offset + first, part.offset + part.size - offset + first];
    const start = from > first ? from : first;
    const end = to < last + 1n ? to : last + 1n;
    return start < end ? [coalescedLine(start, end - start)] : [];
  });
}

function hex(value: bigint): string {
  return value.toString(16);
}
