/**
 * A reader: sections of random length, each of which examines one element from end to end.
 *
 * @module
 */

import { type Arena, RcuError, RcuPointer, type ReadGuard } from "@guestmem/rcu";
import type { Control } from "./control.ts";
import { attachGrace, openReader, type TortureReader } from "./domains.ts";
import { Elements } from "./element.ts";
import { Findings } from "../lib/findings.ts";
import type { Cell, ReaderOrder, ReaderResult } from "./messages.ts";
import { Random } from "../lib/random.ts";
import { ValueWatcher } from "./shared_value.ts";

/** Buckets of the histogram; the last takes everything older. */
export const AGES = 10;
/** A reader may see an element that is current (0) or whose grace period is not over (1). */
export const OLDEST_ALLOWED = 1;

/** Looks at the element in a long section, at most. */
const LINGER = 4000;
/** Looks at an element through a pointer that is kept past its section, at most. */
const KEPT = 40_000;
/** Sections between two reports of progress. */
const REPORT = 256;

/** One worker's loop. */
export class ReaderLoop {
  readonly #order: ReaderOrder;
  readonly #control: Control;
  readonly #arena: Arena;
  readonly #elements: Elements;
  readonly #random: Random;
  readonly #reader: TortureReader;
  readonly #pointers: readonly RcuPointer[];
  readonly #values: readonly ValueWatcher[];
  readonly #startPoll: () => number;
  readonly #findings = new Findings();
  readonly #histogram = new Array<number>(AGES).fill(0);
  #reads = 0;
  #overlapped = 0;

  constructor(arena: Arena, control: Control, order: ReaderOrder) {
    this.#order = order;
    this.#control = control;
    this.#arena = arena;
    this.#elements = new Elements(arena);
    this.#random = new Random(order.seed, order.worker);
    this.#reader = openReader(arena, order.decoy ?? order.domain, order.flavour);
    this.#pointers = order.cells.map(({ pointer }) => RcuPointer.attach(arena, pointer));
    const isStale = order.plant === "stale-decode";
    this.#values = order.cells.map(({ value }) => new ValueWatcher(arena, value, isStale));
    const grace = attachGrace(arena, order.domain);
    this.#startPoll = () => grace.startPoll();
  }

  /** Reads until the run stops. */
  async run(): Promise<ReaderResult> {
    while (!this.#control.stopped) {
      const pick = this.#random.below(this.#pointers.length);
      // Lets microtasks run too: in one, debug mode checks whether a section was left open.
      await this.#readOnce(this.#order.cells[pick]!, this.#pointers[pick]!);
      this.#readValue(this.#order.cells[pick]!, this.#values[pick]!);
      this.#reader.between(this.#random);
      if (++this.#reads % REPORT === 0) this.#report();
    }
    this.#reader.unregister();
    this.#report();
    return {
      role: "reader",
      flavour: this.#order.flavour,
      reads: this.#reads,
      histogram: this.#histogram,
      overlapped: this.#overlapped,
      findings: this.#findings.list(),
    };
  }

  async #readOnce(cell: Cell, pointer: RcuPointer): Promise<void> {
    const floor = this.#control.latest(cell.index);
    const guard = this.#reader.lock();
    // If this has changed at the end, a grace period began inside the section.
    const before = this.#startPoll();
    const block = pointer.dereference(guard);
    const version = this.#elements.version(block);
    // Versions wrap around in a run of hours.
    if (((version - floor) | 0) < 0) {
      this.#error("stale", block, `version ${version} after ${floor} was published`);
    }
    this.#examine(block, version);
    if (this.#random.once(8)) this.#nest();
    if (this.#random.once(16)) this.#linger(block);
    if (this.#reader.sleeps && this.#random.once(256)) await this.#sleep(block, guard);
    this.#examine(block, version);
    this.#count(block);
    if (this.#startPoll() !== before) this.#overlapped++;
    guard.unlock();
    if (this.#order.plant === "use-after-unlock" && this.#random.once(64)) {
      this.#keep(block, version);
    }
  }

  /** Reads the value, which opens a section if the version is new. */
  #readValue(cell: Cell, value: ValueWatcher): void {
    const floor = this.#control.latestValue(cell.index);
    let flaw: string | undefined;
    try {
      flaw = value.flaw(this.#reader, floor);
    } catch (error) {
      // A block that was freed too early need not hold JSON any more.
      flaw = String(error);
    }
    if (flaw !== undefined) this.#error("value", cell.value, flaw);
  }

  /** A section inside the section: its end must not end the outer one. */
  #nest(): void {
    this.#reader.lock().unlock();
  }

  /** Stays in the section for a while, or until its element is too old to be seen. */
  #linger(block: number): void {
    let looks = this.#random.below(LINGER);
    while (looks-- > 0 && this.#elements.age(block) <= OLDEST_ALLOWED);
  }

  /** Keeps the section open while other tasks of this worker run. */
  async #sleep(block: number, guard: ReadGuard): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (!guard.open) this.#error("section ended", block, "during an await");
  }

  /** The planted bug: looks at the element until it is too old, with the section over. */
  #keep(block: number, version: number): void {
    this.#reader.leave();
    for (let looks = 0; looks < KEPT; looks++) {
      const fine = this.#elements.age(block) <= OLDEST_ALLOWED;
      if (!fine || this.#elements.version(block) !== version) break;
    }
    this.#examine(block, version);
    this.#count(block);
    this.#reader.comeBack();
  }

  #examine(block: number, version: number): void {
    if (this.#arena.debug) this.#examineChecked(block);
    const flaw = this.#elements.flaw(block, version);
    if (flaw) this.#error(flaw, block, `instead of version ${version}`);
  }

  #examineChecked(block: number): void {
    try {
      this.#arena.checked.loadU32(block);
    } catch (error) {
      if (!(error instanceof RcuError)) throw error;
      this.#error(error.code, block, error.message);
    }
  }

  /** Counts the element's age in the histogram. */
  #count(block: number): void {
    const age = this.#elements.age(block);
    this.#histogram[Math.min(age, AGES - 1)]!++;
    if (age > OLDEST_ALLOWED) this.#error("too old", block, `age ${age}`);
  }

  #error(kind: string, block: number, what: string): void {
    this.#findings.add(kind, () => {
      return `section ${this.#reads} of a ${this.#order.flavour} reader, block ${block}: ${what}`;
    });
    this.#report();
  }

  #report(): void {
    const errors = this.#findings.count;
    const progress = { rounds: this.#reads, overlapped: this.#overlapped, waited: 0, errors };
    this.#control.report(this.#order.worker, progress);
  }
}
