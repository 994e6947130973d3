/**
 * The locations through which steps of different threads can affect one another, numbered:
 *
 * - the words of memory that some thread writes (a word that nobody writes affects nobody),
 * - for each of them, its queue of sleepers,
 * - for each block, whether it is free,
 * - for each thread, whether it has died.
 *
 * The numbers of words, blocks and threads are also their places in a state.
 *
 * @module
 */

import { type Access, writes } from "./access.ts";
import type { Program } from "./program.ts";

/** The locations that a step reads and writes. */
export interface Footprint {
  /** Numbers of the locations read. */
  readonly reads: readonly number[];
  /** Numbers of the locations written. */
  readonly writes: readonly number[];
}

/** Thrown at a write to words of which some were held to be written by nobody. */
export class NewlyWritten extends Error {
  /** Notes the words that the access writes. */
  constructor(readonly words: readonly number[]) {
    super(`Words ${words} are written`);
  }
}

/** Thrown at a plain access to a word that may race, if no thread was seen to access it so before. */
export class NewlyRacing extends Error {
  /** Notes the word. */
  constructor(readonly word: number) {
    super(`Word ${word} may race`);
  }
}

/** The numbering for one program. */
export class Locations {
  /** By word: its place in a state, or -1 if it has none. */
  readonly slotOf: Int32Array;
  /** Names of the blocks, by number. */
  readonly blocks: readonly string[];
  /** Place of the first block. */
  readonly firstBlock: number;
  /** Place of the first thread. */
  readonly firstThread: number;
  /** Length of a state. */
  readonly stateLength: number;
  /** How many locations there are. */
  readonly count: number;
  readonly #blockOfWord: Int16Array;
  readonly #bytes: number;
  readonly #origin: number;
  readonly #mayRace: (address: number) => boolean;
  readonly #racing: ReadonlySet<number>;

  /**
   * Numbers the locations.
   *
   * @param program The program.
   * @param written The words of memory that threads write.
   * @param racing The words that may race and that threads access plainly.
   */
  constructor(program: Program, written: ReadonlySet<number>, racing: ReadonlySet<number>) {
    const words = program.bytes / 4;
    this.#bytes = program.bytes;
    const origin = this.#origin = program.origin ?? 0;
    this.#mayRace = (address) => program.mayRace?.(address + origin) ?? false;
    this.#racing = racing;
    this.slotOf = new Int32Array(words).fill(-1);
    [...written].sort((a, b) => a - b).forEach((word, slot) => this.slotOf[word] = slot);
    const blocks = Object.entries(program.blocks ?? {});
    this.blocks = blocks.map(([name]) => name);
    this.#blockOfWord = new Int16Array(words).fill(-1);
    blocks.forEach(([_, { at, bytes }], number) => {
      this.#blockOfWord.fill(number, (at - origin) >>> 2, Math.ceil((at - origin + bytes) / 4));
    });
    this.firstBlock = written.size;
    this.firstThread = this.firstBlock + blocks.length;
    this.stateLength = this.firstThread + program.threads.length;
    this.count = this.stateLength + written.size;
  }

  /** An access with its addresses counted from the first byte of the memory. */
  relative(access: Access): Access {
    if (this.#origin === 0 || !touchesMemory(access.kind)) return access;
    const from = access.kind === "copy" ? access.expectedLow - this.#origin : access.expectedLow;
    return { ...access, address: access.address - this.#origin, expectedLow: from };
  }

  /** The block that has a byte of the memory, or -1. */
  blockAt(address: number): number {
    return this.#blockOfWord[address >>> 2]!;
  }

  /** Number of a block by name. */
  blockNamed(name: string): number {
    const number = this.blocks.indexOf(name);
    if (number < 0) throw new RangeError(`The program has no block "${name}"`);
    return number;
  }

  /** Why memory cannot be accessed so, if it cannot. */
  faultOf({ kind, atomic, address, bytes, expectedLow }: Access): string | undefined {
    if (!touchesMemory(kind)) return undefined;
    const from = kind === "copy" ? expectedLow : address;
    const at = address + this.#origin;
    if (Math.min(address, from) < 0 || Math.max(address, from) + bytes > this.#bytes) {
      return `an access beyond the memory, at ${at}`;
    }
    return atomic && address % bytes !== 0 ? `an atomic access at ${at}, not aligned` : undefined;
  }

  /** The locations that a step touches. */
  footprint(access: Access): Footprint {
    const { kind, address, bytes } = access;
    if (kind === "free" || kind === "allocate") {
      return { reads: [], writes: [this.firstBlock + address] };
    }
    if (kind === "dead") return { reads: [this.firstThread + address], writes: [] };
    if (!touchesMemory(kind)) return { reads: [], writes: [] };
    this.#noteRacing(access);
    const reads = this.#blocksOf(address, bytes);
    if (kind === "wait" || kind === "notify") {
      const queue = [this.#queueOf(address)];
      return {
        reads: kind === "wait" ? [...reads, ...this.#words(address, bytes)] : reads,
        writes: queue,
      };
    }
    const words = this.#words(address, bytes, writes(kind));
    if (kind === "load") return { reads: [...reads, ...words], writes: [] };
    if (kind === "copy") reads.push(...this.#words(access.expectedLow, bytes));
    return { reads, writes: words };
  }

  /** Whether a word of the memory may race and is accessed plainly. */
  isRacing(word: number): boolean {
    return this.#racing.has(word);
  }

  #noteRacing({ kind, atomic, address, bytes }: Access): void {
    if (atomic || !this.#mayRace(address) || this.#racing.has(address >>> 2)) return;
    if (bytes === 4 && (kind === "load" || kind === "store")) throw new NewlyRacing(address >>> 2);
  }

  /** The queue that a sleeper at an address is in. */
  #queueOf(address: number): number {
    return this.stateLength + this.#words(address, 4, true)[0]!;
  }

  #blocksOf(address: number, bytes: number): number[] {
    const blocks = new Set([
      this.blockAt(address),
      this.blockAt(Math.max(address, address + bytes - 1)),
    ]);
    return [...blocks].filter((block) => block >= 0).map((block) => this.firstBlock + block);
  }

  #words(address: number, bytes: number, mustHaveSlot = false): number[] {
    const first = address >>> 2;
    const count = bytes === 0 ? 0 : Math.ceil((address + bytes) / 4) - first;
    const words = Array.from({ length: count }, (_, index) => first + index);
    const slots = words.map((word) => this.slotOf[word]!).filter((slot) => slot >= 0);
    if (mustHaveSlot && slots.length < count) throw new NewlyWritten(words);
    return slots;
  }
}

function touchesMemory(kind: Access["kind"]): boolean {
  return kind !== "free" && kind !== "allocate" && kind !== "dead" && kind !== "choose" &&
    kind !== "fence";
}
