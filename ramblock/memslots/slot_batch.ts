/**
 * Changes of the slots that become visible together.
 *
 * @module
 */

import { exactNumber } from "../address/exact_number.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { MEMSLOTS, SLOT_FLAG, SLOT_TABLE } from "../kernel/layouts.ts";
import { Commit, commitSteps, type LogSink, type SlotChange } from "./batch_commit.ts";
import {
  checkSlot,
  checkTogether,
  type Memslot,
  readSlot,
  rowsOf,
  sorted,
  type TableSlot,
} from "./slot_table.ts";
import type { SlotsArena, SlotsCore } from "./slots_core.ts";

/**
 * A batch of changes, from {@linkcode Memslots.batch}: KVM's create, delete, move and flags-only
 * changes, many at once. Nothing is visible before it is committed; then readers see all of it, or for
 * a moment {@linkcode OUTCOME}.RETRY in place of what it takes away: a gfn that has a slot before and
 * after is never reported to have none.
 *
 * One context at a time may commit. A batch that only creates slots waits for nobody; any other waits
 * for two grace periods, however many changes it has. When `commit` returns, nobody uses a mapping or
 * the host memory of a slot that it has taken away.
 */
export class SlotBatch {
  readonly #core: SlotsCore;
  readonly #sink: LogSink | undefined;
  readonly #base: number;
  readonly #generation: number;
  readonly #before: readonly TableSlot[];
  readonly #slots: Map<number, Memslot>;
  #committed = false;

  /**
   * Begins a batch with the present slots.
   *
   * @param core The memslots.
   * @param sink Gets the last dirty pages of logs that end.
   * @throws {RamBlockError} BATCH_CONFLICT if a batch is being committed.
   */
  constructor(core: SlotsCore, sink: LogSink | undefined) {
    this.#core = core;
    this.#sink = sink;
    const { arena, kernel, memslots } = core;
    this.#base = kernel.load32(MEMSLOTS.root.at(memslots)) >>> 0;
    refuseIfInProgress(arena, this.#base);
    this.#generation = SLOT_TABLE.generation.get(arena.u32, this.#base);
    // INVALID is left over if the context that set it has died: its batch did not take effect.
    this.#before = rowsOf(arena.u32, this.#base).map((row) => {
      const slot = readSlot(arena.u32, row);
      return { ...slot, flags: slot.flags & ~SLOT_FLAG.INVALID };
    });
    this.#slots = new Map(this.#before.map(({ log: _, ...slot }) => [slot.id, slot]));
  }

  /** The slots as they will be, by rising gfn. */
  slots(): Memslot[] {
    return sorted(this.#slots.values());
  }

  /** The lowest number that no slot has. O(slots). */
  freeId(): number {
    let id = 0;
    while (this.#slots.has(id)) id++;
    return id;
  }

  /**
   * Adds a slot.
   *
   * @throws {RamBlockError} INVALID_SLOT; SLOT_EXISTS if a slot has the number; INVALID_ADDRESS if a
   * bigint is beyond 2^53 - 1.
   */
  create(slot: {
    /** The slot's number, chosen by the caller. */
    readonly id: number;
    /** Number of the first guest page. */
    readonly baseGfn: number | bigint;
    /** How many pages. */
    readonly pages: number | bigint;
    /** Host address of the first page, a multiple of the page size. */
    readonly host: number | bigint;
    /** Bits of `SLOT_FLAG`, without INVALID. */
    readonly flags: number;
  }): void {
    const { id, flags } = slot;
    const baseGfn = exactNumber(slot.baseGfn);
    const pages = exactNumber(slot.pages);
    const host = exactNumber(slot.host);
    const created = { id, baseGfn, pages, host, flags };
    checkSlot(created, this.#core.pageBits);
    if (this.#slots.has(id)) throw new RamBlockError("SLOT_EXISTS", { id });
    this.#slots.set(id, created);
  }

  /**
   * Deletes a slot.
   *
   * @throws {RamBlockError} UNKNOWN_SLOT.
   */
  delete(id: number): void {
    this.#get("delete", id);
    this.#slots.delete(id);
  }

  /**
   * Moves a slot to other guest pages. Its host memory stays the same, and its dirty log goes with it.
   *
   * @throws {RamBlockError} UNKNOWN_SLOT; INVALID_SLOT if it does not fit there; INVALID_ADDRESS.
   */
  move(id: number, baseGfn: number | bigint): void {
    this.#change({ ...this.#get("move", id), baseGfn: exactNumber(baseGfn) });
  }

  /**
   * Changes the flags of a slot. It stays where it is, and lookups go on during the commit.
   *
   * @param flags Bits of `SLOT_FLAG`, without INVALID.
   * @throws {RamBlockError} UNKNOWN_SLOT; INVALID_SLOT if the flags are not known.
   */
  setFlags(id: number, flags: number): void {
    this.#change({ ...this.#get("change", id), flags });
  }

  /**
   * Makes the batch visible, and blocks until nobody uses what it has taken away.
   *
   * After the errors below nothing has changed, and the batch may be committed again.
   *
   * @param options With `hurry`, readers in the way are asked to hurry.
   * @throws {RamBlockError} SLOT_OVERLAP if two slots would have the same gfn; TOO_MANY_SLOTS;
   * BATCH_CONFLICT if another batch came before, or this one was committed.
   * @throws {ArenaExhaustedError} If the arena has no room.
   * @throws {WaitInSectionError} If a wait is needed and this context has a section open.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and readers do not move soon. If this
   * was the second wait, the batch *is* in effect, and its last readers are not known to be gone. Use
   * `commitAsync` there.
   */
  commit(options: { readonly hurry?: boolean } = {}): void {
    const steps = this.#begin();
    try {
      while (!steps.next().done) {
        try {
          this.#core.srcu.synchronizeSrcu(options);
        } catch (error) {
          steps.throw(error);
        }
      }
    } catch (error) {
      this.#committed = false;
      throw error;
    }
  }

  /**
   * As `commit`, without blocking the thread, so that this context's own sections can end.
   *
   * @throws As `commit`.
   */
  async commitAsync(): Promise<void> {
    const steps = this.#begin();
    try {
      while (!steps.next().done) {
        try {
          await this.#core.srcu.synchronizeSrcuAsync();
        } catch (error) {
          steps.throw(error);
        }
      }
    } catch (error) {
      this.#committed = false;
      throw error;
    }
  }

  #begin(): Generator<void, void> {
    if (this.#committed) {
      throw new RamBlockError("BATCH_CONFLICT", { reason: "it was committed before" });
    }
    const commit = this.prepare();
    this.#committed = true;
    return commitSteps(commit, this.#sink);
  }

  /** Checks the batch as a whole, allocates all that it needs, and publishes nothing. */
  private prepare(): Commit {
    const { arena, limit } = this.#core;
    const slots = this.slots();
    checkTogether(slots, limit);
    const logs: number[] = [];
    try {
      return new Commit(this.#core, this.#changeTo(slots, logs));
    } catch (error) {
      for (const log of logs) arena.free(log);
      throw error;
    }
  }

  #changeTo(slots: readonly Memslot[], logs: number[]): SlotChange {
    const before = new Map(this.#before.map((slot) => [slot.id, slot]));
    const final = slots.map((slot) => {
      const old = before.get(slot.id);
      const kept = old && isSameMemory(old, slot) ? old.log : 0;
      return { ...slot, log: this.#logFor(slot, kept, logs) };
    });
    const after = new Map(final.map((slot) => [slot.id, slot]));
    const stays = (old: TableSlot) => {
      const slot = after.get(old.id);
      return slot !== undefined && isSamePlace(old, slot) ? slot : undefined;
    };
    return {
      base: this.#base,
      generation: this.#generation,
      removed: this.#before.filter((old) => !stays(old)),
      flagsOnly: this.#before.filter((old) => (stays(old) ?? old).flags !== old.flags),
      unlogged: this.#before.filter(({ id, log }) => log !== 0 && after.get(id)?.log !== log),
      interim: this.#before.map((old) =>
        stays(old) ?? { ...old, flags: old.flags | SLOT_FLAG.INVALID }
      ),
      final,
      logs,
    };
  }

  /** The dirty log of a slot: its present one, a new one, or none. */
  #logFor({ flags, pages }: Memslot, kept: number, logs: number[]): number {
    if ((flags & SLOT_FLAG.LOG_DIRTY) === 0) return 0;
    if (kept !== 0) return kept;
    const log = this.#core.arena.allocate(8 * Math.ceil(pages / 64));
    logs.push(log);
    return log;
  }

  #get(action: string, id: number): Memslot {
    const slot = this.#slots.get(id);
    if (!slot) throw new RamBlockError("UNKNOWN_SLOT", { action, id });
    return slot;
  }

  #change(slot: Memslot): void {
    checkSlot(slot, this.#core.pageBits);
    this.#slots.set(slot.id, slot);
  }
}

/** Whether a slot has the same host memory, wherever the guest sees it: its dirty log stays valid. */
function isSameMemory(a: Memslot, b: Memslot): boolean {
  return a.pages === b.pages && a.host === b.host;
}

/** Whether a slot maps the same guest pages to the same host memory: its mappings stay valid. */
function isSamePlace(a: Memslot, b: Memslot): boolean {
  return a.baseGfn === b.baseGfn && isSameMemory(a, b);
}

function refuseIfInProgress(arena: SlotsArena, table: number): void {
  const committer = SLOT_TABLE.committer.get(arena.u32, table);
  if (committer === 0) return;
  const context = arena.contexts().find(({ token }) => token === committer);
  if (context?.state !== "alive" && context?.state !== "expelled") return;
  throw new RamBlockError("BATCH_CONFLICT", {
    reason: `context ${committer} ("${context.label}") is committing one, and has not finished`,
  });
}
