/**
 * How a batch becomes visible: without a hole, and with no user left of what it takes away.
 *
 * @module
 */

import { takeBits } from "../dirty/dirty_snapshot.ts";
import { DirtySnapshot } from "../dirty/dirty_snapshot.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { MEMSLOTS, SLOT } from "../kernel/layouts.ts";
import { buildTable, rowsOf, type TableSlot } from "./slot_table.ts";
import { forEachShadow, type SlotsCore } from "./slots_core.ts";

/** The difference that a batch makes to the table that it began with. */
export interface SlotChange {
  /** The table that the batch began with. */
  readonly base: number;
  /** Its generation. */
  readonly generation: number;
  /** The slots of `base` that are deleted or moved. */
  readonly removed: readonly TableSlot[];
  /** The slots of `base` that change in their flags only. */
  readonly flagsOnly: readonly TableSlot[];
  /** The slots of `base` whose dirty log ends. */
  readonly unlogged: readonly TableSlot[];
  /** Every slot of the first table: removed ones INVALID, the others in their final form. */
  readonly interim: readonly TableSlot[];
  /** Every slot of the last table. */
  readonly final: readonly TableSlot[];
  /** The dirty logs that were allocated for it. */
  readonly logs: readonly number[];
}

/** Gets the last dirty pages of a slot whose log ends. */
export type LogSink = (slot: TableSlot, dirty: DirtySnapshot) => void;

/**
 * The steps of a commit. {@linkcode commitSteps} puts them in order; the tests run them in wrong orders
 * and see the mistakes caught.
 */
export class Commit {
  readonly #core: SlotsCore;
  readonly #change: SlotChange;
  readonly #interim: number;
  readonly #final: number;

  /**
   * Builds the tables, so that later steps allocate nothing.
   *
   * @throws {ArenaExhaustedError} If the arena has no room; nothing has changed.
   */
  constructor(core: SlotsCore, change: SlotChange) {
    this.#core = core;
    this.#change = change;
    const { arena } = core;
    const { removed, interim, final, generation } = change;
    this.#interim = removed.length > 0
      ? buildTable(arena, interim, generation + 1, arena.token)
      : 0;
    try {
      this.#final = buildTable(arena, final, generation + 2, 0);
    } catch (error) {
      if (this.#interim !== 0) arena.free(this.#interim);
      throw error;
    }
  }

  /** Whether anybody may be using what the batch takes away. */
  get mustWait(): boolean {
    const { removed, flagsOnly, unlogged } = this.#change;
    return removed.length + flagsOnly.length + unlogged.length > 0;
  }

  /**
   * First publication: removed slots are INVALID, so that nobody instantiates a mapping from them any
   * more. If none is removed, the last table at once.
   *
   * @throws {RamBlockError} BATCH_CONFLICT if another batch came before.
   */
  publishFirst(): void {
    this.#exchange(this.#change.base, this.#interim || this.#final);
  }

  /**
   * Ends the mappings of removed slots, and makes those of slots whose flags change read-only: the next
   * write finds a miss, and goes by the new flags. That is how logging starts.
   */
  flush(): void {
    const { kernel } = this.#core;
    const { removed, flagsOnly } = this.#change;
    const rows = this.#rowsOf(flagsOnly);
    forEachShadow(this.#core, (shadow) => {
      for (const { baseGfn, pages } of removed) kernel.shadowFlush(shadow, baseGfn, pages);
      for (const row of rows) kernel.shadowProtect(shadow, row);
    });
  }

  /** Second publication: without removed slots, with new ones. */
  publishLast(): void {
    if (this.#interim !== 0) this.#exchange(this.#interim, this.#final);
  }

  /** Hands over the logs that end, once nobody writes through their mappings any more. */
  collectLogs(sink: LogSink | undefined): void {
    if (!sink) return;
    const { arena, kernel } = this.#core;
    const { unlogged } = this.#change;
    const rows = this.#rowsOf(unlogged);
    unlogged.forEach((slot, index) => {
      const words = takeBits(arena, slot.pages, (into) => kernel.takeLog(rows[index]!, into));
      sink(slot, new DirtySnapshot(slot.baseGfn, slot.pages, words));
    });
  }

  /** The rows of some slots in the table that the batch began with. */
  #rowsOf(slots: readonly TableSlot[]): number[] {
    const { arena: { u32 } } = this.#core;
    const rows = new Map(
      rowsOf(u32, this.#change.base).map((row) => [SLOT.id.get(u32, row), row]),
    );
    return slots.map(({ id }) => rows.get(id)!);
  }

  /**
   * Frees the old tables and logs.
   *
   * @param unused Whether all sections that could have seen them are known to be over.
   */
  freeOld(unused: boolean): void {
    const { arena, srcu } = this.#core;
    const free = (block: number) => unused ? arena.free(block) : srcu.deferFree(block);
    free(this.#change.base);
    if (this.#interim !== 0) free(this.#interim);
    for (const { log } of this.#change.unlogged) free(log);
  }

  /** Publishes the table that the batch began with again, and frees what was made for the batch. */
  undo(): void {
    const { kernel, memslots, srcu, arena } = this.#core;
    const root = MEMSLOTS.root.at(memslots);
    const published = this.#interim || this.#final;
    const seen = kernel.compareExchange32(root, published, this.#change.base) >>> 0;
    // A table that was never published is freed at once; one that readers may hold is deferred.
    const free = (block: number) => {
      if (seen === published) srcu.deferFree(block);
      else arena.free(block);
    };
    free(this.#final);
    if (this.#interim !== 0) free(this.#interim);
    for (const log of this.#change.logs) free(log);
  }

  #exchange(from: number, to: number): void {
    const { kernel, memslots } = this.#core;
    const seen = kernel.compareExchange32(MEMSLOTS.root.at(memslots), from, to) >>> 0;
    if (seen === from) return;
    const reason = "another batch was committed since this one was created";
    throw new RamBlockError("BATCH_CONFLICT", { reason });
  }
}

/**
 * The order of a commit. It yields where a grace period must pass; the caller waits in whichever way
 * it can.
 *
 * Before the first wait a section may be open that has the table without INVALID, and may instantiate
 * a mapping from it. After it, none can: a flushed mapping stays flushed. The second wait is for
 * readers that found a mapping before the flush and are still accessing the memory: once it is over,
 * the host memory may be used for something else, and the logs are complete.
 */
export function* commitSteps(commit: Commit, sink: LogSink | undefined): Generator<void, void> {
  try {
    commit.publishFirst();
    if (commit.mustWait) {
      yield;
      commit.flush();
    }
    commit.publishLast();
  } catch (error) {
    commit.undo();
    throw error;
  }
  let unused = false;
  try {
    if (commit.mustWait) {
      yield;
      unused = true;
      commit.collectLogs(sink);
    }
  } finally {
    commit.freeOld(unused);
  }
}
