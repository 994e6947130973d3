/**
 * What the workers of a soak share with their supervisor.
 *
 * @module
 */

import {
  type Arena,
  type ArenaHandle,
  type DomainHandle,
  Mutex,
  RcuDomain,
  RcuList,
  RcuPointer,
  Srcu,
} from "@guestmem/rcu";

/** How many RCU domains there are, each with pointers, a list and its mutex; and pointers in each. */
export const DOMAINS = 3;
export const CELLS = 8;
/** Blocks that a worker holds on to, in words of a block that outlives it. */
export const HOARD = 192;

/** What happened, counted by all contexts in words of one block. */
export const COUNTS = [
  ...["operations", "reads", "bad", "walks", "srcuSections", "grace", "deferred"],
  ...["functions", "functionsRun", "listChanges", "ownerDied", "domains", "exhausted", "budget"],
  ...["errors", "orderedDeaths"],
] as const;

/** The name of a count. */
export type Count = typeof COUNTS[number];

/** How a worker is told to die, in a word of its own: at a place of its choice. */
export const DEATH = { NONE: 0, THROW: 1, CLOSE: 2, IDLE: 3, HANG: 4 } as const;

/**
 * Words of a worker that its supervisor reads and writes: token, the order to die, operations, idle; then
 * the domain that it has created for itself: its kind, offset and id.
 */
export const WORKER_WORDS = 8;

/** Blocks that a worker has in hand: allocated and not published, or unlinked and not deferred. */
export const HANDS = 1024;

/** What a worker gets. Structured-cloneable. */
export interface SoakData {
  readonly index: number;
  readonly arena: ArenaHandle;
  readonly domains: readonly DomainHandle[];
  readonly srcu: DomainHandle;
  readonly mutexes: readonly number[];
  readonly lists: readonly number[];
  /** Pointers of each domain, and last of the SRCU domain. */
  readonly cells: readonly (readonly number[])[];
  readonly counts: number;
  readonly words: number;
  readonly hoard: number;
  readonly hands: number;
}

/** The same, as one context has attached to it. */
export class Shared {
  readonly domains: readonly RcuDomain[];
  readonly srcu: Srcu;
  readonly mutexes: readonly Mutex[];
  readonly lists: readonly RcuList[];
  readonly cells: readonly (readonly RcuPointer[])[];

  /** Attaches to all of it. */
  constructor(readonly arena: Arena, readonly data: SoakData) {
    this.domains = data.domains.map((handle) => RcuDomain.attach(arena, handle));
    this.srcu = Srcu.attach(arena, data.srcu);
    this.mutexes = data.mutexes.map((offset) => Mutex.attach(arena, offset));
    this.lists = data.lists.map((offset) => RcuList.attach(arena, offset));
    this.cells = data.cells.map((row) => row.map((offset) => RcuPointer.attach(arena, offset)));
  }

  /** Counts. */
  add(count: Count, by = 1): void {
    Atomics.add(this.arena.i32, this.data.counts / 4 + COUNTS.indexOf(count), by);
  }

  /** What was counted so far. */
  counts(): Record<Count, number> {
    const first = this.data.counts / 4;
    const entries = COUNTS.map((
      name,
      index,
    ) => [name, Atomics.load(this.arena.i32, first + index)]);
    return Object.fromEntries(entries);
  }
}

/** A random integer below `n`. */
export function below(n: number): number {
  return Math.floor(Math.random() * n);
}

const MAGIC = 0x51ab_0000;
/** Words of a block before its pattern: two of a list's, magic, length. */
const HEADER_WORDS = 4;

/** Allocates a block that says of itself whether it is whole. */
export function makeBlock(arena: Arena, kind: number): number {
  const words = 2 * HEADER_WORDS + below(100);
  const at = arena.allocate(words * 4, 16, below(2) === 0) / 4;
  arena.u32.fill(0, at, at + 2);
  arena.u32[at + 2] = MAGIC + kind;
  arena.u32[at + 3] = words;
  arena.u32.fill(below(2 ** 31), at + HEADER_WORDS, at + words);
  return at * 4;
}

/** Whether a block is whole: of its kind, and all of one writer. */
export function isWhole({ u32 }: Arena, block: number, kind: number): boolean {
  const at = block / 4;
  const words = u32[at + 3]!;
  if (u32[at + 2] !== MAGIC + kind || words < 2 * HEADER_WORDS || words > 108) return false;
  const seen = u32[at + HEADER_WORDS];
  for (let word = HEADER_WORDS; word < words; word++) if (u32[at + word] !== seen) return false;
  return true;
}
