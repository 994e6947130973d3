/**
 * How a batch becomes visible: without a hole, and with nobody left who uses what it takes away.
 *
 * @module
 */

import { DirtySnapshot } from "../dirty/snapshot.ts";
import { takeBits } from "../dirty/dirty_memory.ts";
import { forEachShadow, type SlotsCore } from "./core.ts";
import { BatchConflictError } from "./errors.ts";
import { CONTROL, ROW } from "./layout.ts";
import { buildTable, rowsOf, type TableSlot } from "./table.ts";

/** What a batch makes of the table that it began with. */
export interface SlotChange {
  /** The table that the batch began with. */
  readonly base: number;
  /** Its generation. */
  readonly generation: number;
  /** The slots of `base` that go away or move. */
  readonly removed: readonly TableSlot[];
  /** The slots of `base` whose flags change, as they will be. */
  readonly reflagged: readonly TableSlot[];
  /** The slots of `base` whose dirty log ends. */
  readonly unlogged: readonly TableSlot[];
  /** Every slot of the first table: removed ones INVALID, the others as they will be. */
  readonly interim: readonly TableSlot[];
  /** Every slot of the last table. */
  readonly final: readonly TableSlot[];
  /** The dirty logs that were allocated for it. */
  readonly logs: readonly number[];
}

/** Gets the last dirty pages of a slot whose log ends. */
export type LogSink = (slot: TableSlot, dirty: DirtySnapshot) => void;

/**
 * The steps of a commit. Each is one act; {@linkcode commitSteps} is their order, and the tests run
 * them in wrong orders and see it caught.
 */
export class Commit {
  readonly #core: SlotsCore;
  readonly #change: SlotChange;
  readonly #interim: number;
  readonly #final: number;

  /**
   * Builds the tables: all that can fail for want of room.
   *
   * @throws {ArenaExhaustedError} If the arena has no room; nothing is changed.
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
    const { removed, reflagged, unlogged } = this.#change;
    return removed.length + reflagged.length + unlogged.length > 0;
  }

  /**
   * First publication: removed slots INVALID, so that nobody instantiates a mapping from them any
   * more; where none is removed, the last table at once.
   *
   * @throws {BatchConflictError} If another batch came before.
   */
  publishFirst(): void {
    this.#exchange(this.#change.base, this.#interim || this.#final);
  }

  /** Ends the mappings of removed slots, and write access where a log or write protection begins. */
  flush(): void {
    const { kernel } = this.#core;
    const { removed, reflagged } = this.#change;
    forEachShadow(this.#core, (shadow) => {
      for (const slot of removed) kernel.shadowFlush(shadow, slot.baseGfn, slot.pages);
      for (const slot of reflagged) kernel.shadowFlush(shadow, slot.baseGfn, slot.pages);
    });
  }

  /** Second publication: removed slots gone, new ones there. */
  publishLast(): void {
    if (this.#interim !== 0) this.#exchange(this.#interim, this.#final);
  }

  /** Hands over the logs that ended, once nobody writes through their mappings any more. */
  collectLogs(sink: LogSink | undefined): void {
    const { arena, kernel } = this.#core;
    const { base, unlogged } = this.#change;
    for (const slot of sink ? unlogged : []) {
      const row = rowsOf(arena.u32, base).find((row) =>
        arena.u32[(row + ROW.LOG) >>> 2] === slot.log
      )!;
      const words = takeBits(arena, slot.pages, (into) => kernel.takeLog(row, into));
      sink!(slot, new DirtySnapshot(slot.baseGfn, slot.pages, words));
    }
  }

  /**
   * Frees the old tables and logs.
   *
   * @param unused Whether all sections that could have seen them are known to be over.
   */
  release(unused: boolean): void {
    const { arena, srcu } = this.#core;
    const give = (block: number) => unused ? arena.free(block) : srcu.deferFree(block);
    give(this.#change.base);
    if (this.#interim !== 0) give(this.#interim);
    for (const { log } of this.#change.unlogged) give(log);
  }

  /** Publishes the table that the batch began with again, and frees what was made for the batch. */
  undo(): void {
    const { kernel, control, srcu, arena } = this.#core;
    const published = this.#interim || this.#final;
    const seen = kernel.compareExchange32(control + CONTROL.ROOT, published, this.#change.base) >>>
      0;
    // A table that was never published is freed at once, one that readers may hold is deferred.
    const give = (block: number) => {
      if (seen === published) srcu.deferFree(block);
      else arena.free(block);
    };
    give(this.#final);
    if (this.#interim !== 0) give(this.#interim);
    for (const log of this.#change.logs) give(log);
  }

  #exchange(from: number, to: number): void {
    const { kernel, control } = this.#core;
    const seen = kernel.compareExchange32(control + CONTROL.ROOT, from, to) >>> 0;
    if (seen !== from) throw new BatchConflictError("another batch was committed meanwhile");
  }
}

/**
 * The order of a commit. It yields where a grace period must pass; the caller waits in whichever way
 * it can.
 *
 * Before the first wait a section may be open that has the table without INVALID, and instantiate a
 * mapping from it. After it, none can: what is flushed then stays flushed. The second wait is for
 * whoever found a mapping before the flush and is still accessing the memory: once it is over the
 * host memory may be used for something else, and the logs are complete.
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
    commit.release(unused);
  }
}
