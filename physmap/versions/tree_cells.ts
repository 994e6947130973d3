/**
 * The nodes and sections that versions share, and their counts.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { HEIGHT_MASK, NODE_BYTES, NODE_SLOTS, SECTION } from "../kernel/layouts.ts";
import { CellSlabs } from "./cell_slabs.ts";

/** Mask of an entry's address. */
export const ADDRESS_MASK: number = ~HEIGHT_MASK;

/**
 * Counts the entries that point at each node and each section, those in dispatches included. Nobody but
 * the control context counts; readers do not. What is left without an entry is freed.
 */
export class TreeCells {
  /** The nodes. */
  readonly nodes: CellSlabs;
  /** The sections. */
  readonly sections: CellSlabs;
  /** How many nodes were ever taken. */
  nodesTaken = 0;
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;
  readonly #freed: (region: number) => void;
  readonly #freshNodes: number[] = [];
  readonly #freshSections: number[] = [];

  /**
   * @param memory The arena.
   * @param freed Is called with the region of each section that is freed. Must not change the map.
   */
  constructor(memory: BlockAllocator, freed: (region: number) => void) {
    this.nodes = new CellSlabs(memory, NODE_BYTES);
    this.sections = new CellSlabs(memory, SECTION.size);
    this.#i32 = memory.i32;
    this.#u32 = memory.u32;
    this.#freed = freed;
  }

  /**
   * Takes a section, which is to be filled and inserted.
   *
   * @throws {ArenaExhaustedError} If there is no room.
   */
  takeSection(): number {
    const section = this.sections.take();
    this.sections.add(section, 1);
    this.#freshSections.push(section);
    return section;
  }

  /** The tree in progress is finished, or released: nothing is fresh from here on. */
  settle(): void {
    for (const node of this.#freshNodes) this.nodes.settle(node);
    for (const section of this.#freshSections) this.sections.settle(section);
    this.#freshNodes.length = 0;
    this.#freshSections.length = 0;
    this.#trim();
  }

  /** Copies an entry to a word that held none. */
  share(entry: number, to: number): void {
    this.#i32[to] = entry;
    this.#add(entry, 1);
  }

  /** Frees what only this entry leads to. */
  release(entry: number): void {
    this.drop(entry, 1);
    this.#trim();
  }

  /** Replaces an entry by one that points at a new and empty node; the index of its first slot. */
  putNode(at: number, height: number): number {
    const node = this.nodes.take();
    this.nodesTaken++;
    this.nodes.add(node, 1);
    this.#freshNodes.push(node);
    this.#i32.fill(0, node >>> 2, (node >>> 2) + NODE_SLOTS);
    this.#i32[at] = node | height;
    return node >>> 2;
  }

  /** Makes the node of an entry one that may be written: itself if it is fresh, or else a copy. */
  own(at: number): void {
    const i32 = this.#i32;
    const entry = i32[at]!;
    const node = (entry & ADDRESS_MASK) >>> 0;
    if (this.nodes.isFresh(node)) return;
    const slots = this.putNode(at, entry & HEIGHT_MASK);
    i32.copyWithin(slots, node >>> 2, (node >>> 2) + NODE_SLOTS);
    for (let slot = slots, end; slot < slots + NODE_SLOTS; slot = end) {
      end = runEnd(i32, slot, slots + NODE_SLOTS);
      this.#add(i32[slot]!, end - slot);
    }
    this.nodes.drop(node, 1);
  }

  #add(entry: number, entries: number): void {
    if (entry === 0) return;
    const cells = (entry & HEIGHT_MASK) === 0 ? this.sections : this.nodes;
    cells.add(entry & ADDRESS_MASK, entries);
  }

  /** Counts fewer entries like this one. */
  drop(entry: number, entries: number): void {
    if (entry === 0) return;
    if ((entry & HEIGHT_MASK) === 0) return this.dropSection(entry, entries);
    const node = (entry & ADDRESS_MASK) >>> 0;
    if (!this.nodes.drop(node, entries)) return;
    const i32 = this.#i32;
    const slots = node >>> 2;
    for (let slot = slots, end; slot < slots + NODE_SLOTS; slot = end) {
      end = runEnd(i32, slot, slots + NODE_SLOTS);
      this.drop(i32[slot]!, end - slot);
    }
    this.nodes.giveBack(node);
  }

  /** Counts fewer entries that point at a section. */
  dropSection(section: number, entries: number): void {
    if (!this.sections.drop(section, entries)) return;
    const region = SECTION.region.get(this.#u32, section >>> 0);
    this.sections.giveBack(section >>> 0);
    this.#freed(region);
  }

  #trim(): void {
    // Cells that a tree in progress has given back may still be among the fresh ones.
    if (this.#freshNodes.length + this.#freshSections.length > 0) return;
    this.nodes.trim();
    this.sections.trim();
  }
}

/** Index of the word behind a run of equal words. */
function runEnd(i32: Int32Array, start: number, end: number): number {
  const value = i32[start];
  let at = start + 1;
  while (at < end && i32[at] === value) at++;
  return at;
}
