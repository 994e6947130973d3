/**
 * The messages between a run and its workers.
 *
 * @module
 */

import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import type { Finding } from "../lib/findings.ts";
import type { Flavour } from "./domains.ts";
import type { Plant, Updater } from "./options.ts";

/** A cell that one updater publishes elements in. */
export interface Cell {
  /** Its number. */
  readonly index: number;
  /** The pointer's offset in the arena. */
  readonly pointer: number;
  /** The domain whose grace periods protect what it points at. */
  readonly domain: DomainHandle;
}

/** What every worker is told. */
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

/** What a reader is told. */
export interface ReaderOrder extends Common {
  readonly role: "reader";
  readonly flavour: Flavour;
  readonly cells: readonly Cell[];
  /** A domain that no updater scans: where the lost reader has its slot. */
  readonly decoy?: DomainHandle | undefined;
}

/** What an updater is told. */
export interface UpdaterOrder extends Common {
  readonly role: "updater";
  readonly updater: Updater;
  readonly cell: Cell;
}

/** What a worker is told. */
export type Order = ReaderOrder | UpdaterOrder;

/** What a reader reports at its end. */
export interface ReaderResult {
  readonly role: "reader";
  readonly flavour: Flavour;
  /** Sections. */
  readonly reads: number;
  /** How often the element examined had each age at the end of its section; the last: or older. */
  readonly histogram: readonly number[];
  /** Sections during which a grace period began. */
  readonly overlapped: number;
  readonly findings: readonly Finding[];
}

/** What an updater reports at its end. */
export interface UpdaterResult {
  readonly role: "updater";
  /** Updates by how their element was reclaimed. */
  readonly updates: Readonly<Record<Exclude<Updater, "mixed">, number>>;
  /** Blocks allocated at an offset that this updater had used before. */
  readonly reused: number;
  /** Grace periods that were found held up at the first look; `sync` looks at a quarter of its own. */
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
