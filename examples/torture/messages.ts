/**
 * The messages between a run and its workers.
 *
 * @module
 */

import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import type { Finding } from "../lib/findings.ts";
import type { Flavour } from "./domains.ts";
import type { Plant, Updater } from "./options.ts";

/** A cell in which one updater publishes elements. */
export interface Cell {
  /** Its number. */
  readonly index: number;
  /** The pointer's offset in the arena. */
  readonly pointer: number;
  /** Where the value lies that its updater publishes as well. */
  readonly value: number;
  /** The domain whose grace periods protect its element. */
  readonly domain: DomainHandle;
}

/** Every worker's orders. */
interface Common {
  /** Its number. */
  readonly worker: number;
  readonly arena: ArenaHandle;
  readonly control: SharedArrayBuffer;
  readonly seed: number;
  readonly plant?: Plant | undefined;
  /** The domain of its cells. */
  readonly domain: DomainHandle;
}

/** A reader's orders. */
export interface ReaderOrder extends Common {
  readonly role: "reader";
  readonly flavour: Flavour;
  readonly cells: readonly Cell[];
  /** A domain that no updater scans: the lost reader's slot is there. */
  readonly decoy?: DomainHandle | undefined;
}

/** An updater's orders. */
export interface UpdaterOrder extends Common {
  readonly role: "updater";
  readonly updater: Updater;
  readonly cell: Cell;
}

/** A worker's orders. */
export type Order = ReaderOrder | UpdaterOrder;

/** What a reader reports at its end. */
export interface ReaderResult {
  readonly role: "reader";
  readonly flavour: Flavour;
  /** Sections. */
  readonly reads: number;
  /** Sections by the element's age at their end; the last entry counts all older ones. */
  readonly histogram: readonly number[];
  /** Sections during which a grace period began. */
  readonly overlapped: number;
  readonly findings: readonly Finding[];
}

/** What an updater reports at its end. */
export interface UpdaterResult {
  readonly role: "updater";
  /** Updates by the way in which the old element was reclaimed. */
  readonly updates: Readonly<Record<Exclude<Updater, "mixed">, number>>;
  /** Blocks allocated at an offset that this updater had used before. */
  readonly reused: number;
  /**
   * Grace periods that a reader held up at the first look; `sync` looks at a quarter of its own.
   */
  readonly waited: number;
  readonly findings: readonly Finding[];
}

/** What a worker reports at its end. */
export type Result = ReaderResult | UpdaterResult;

/** What a worker answers: that it is ready to start, then its result. */
export type Answer = "ready" | Result;

/** Names a worker, in messages and as its context's label. */
export function nameOf({ role, worker }: Order): string {
  return `${role} ${worker}`;
}
