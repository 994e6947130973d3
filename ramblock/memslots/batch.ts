/**
 * Changes of the slots that become visible together.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { loadNumber } from "../blocks/layout.ts";
import { Commit, commitSteps, type LogSink, type SlotChange } from "./commit.ts";
import type { SlotsCore } from "./core.ts";
import { BatchConflictError, SlotExistsError, UnknownSlotError } from "./errors.ts";
import { CONTROL, SLOT_FLAG, TABLE } from "./layout.ts";
import { checkSlot, checkTogether, type Memslot, readSlot, rowsOf, sorted } from "./table.ts";
import type { TableSlot } from "./table.ts";

/**
 * A batch of changes, from {@linkcode Memslots.batch}. Nothing is visible before it is committed;
 * then readers see all of it, or for a moment {@linkcode OUTCOME}.RETRY in place of what it takes
 * away: a gfn that has a slot before and after is never reported to have none.
 *
 * One context at a time may commit. A batch that only creates slots waits for nobody; any other
 * waits for two grace periods, however many changes it has. When `commit` returns, nobody uses a
 * mapping or the host memory of a slot that it has taken away.
 */
export class SlotBatch {
  readonly #core: SlotsCore;
  readonly #sink: LogSink | undefined;
  readonly #base: number;
  readonly #generation: number;
  readonly #before: readonly TableSlot[];
  readonly #draft: Map<number, Memslot>;
  #committed = false;

  /**
   * Begins a batch with the slots as they are.
   *
   * @param core The memslots. @param sink Gets the last dirty pages of logs that end.
   * @throws {BatchConflictError} If a batch is being committed.
   */
  constructor(core: SlotsCore, sink: LogSink | undefined) {
    this.#core = core;
    this.#sink = sink;
    const { arena, kernel, control } = core;
    this.#base = kernel.load32(control + CONTROL.ROOT) >>> 0;
    refuseIfUnderWay(arena, this.#base);
    this.#generation = loadNumber(arena.u32, this.#base + TABLE.GENERATION);
    // INVALID is left over where the context that set it has died: its batch did not happen.
    this.#before = rowsOf(arena.u32, this.#base).map((row) => {
      const slot = readSlot(arena.u32, row);
      return { ...slot, flags: slot.flags & ~SLOT_FLAG.INVALID };
    });
    this.#draft = new Map(this.#before.map(({ log: _, ...slot }) => [slot.id, slot]));
  }

  /** The slots as they will be, by rising gfn. */
  slots(): Memslot[] {
    return sorted(this.#draft.values());
  }

  /** The lowest number that no slot has. O(slots). */
  freeId(): number {
    let id = 0;
    while (this.#draft.has(id)) id++;
    return id;
  }

  /**
   * Adds a slot.
   *
   * @throws {InvalidSlotError} If a property does not serve.
   * @throws {SlotExistsError} If a slot has the number.
   */
  create(slot: Memslot): void {
    checkSlot(slot, this.#core.pageBits);
    if (this.#draft.has(slot.id)) throw new SlotExistsError(slot.id);
    const { id, baseGfn, pages, host, flags } = slot;
    this.#draft.set(id, { id, baseGfn, pages, host, flags });
  }

  /**
   * Takes a slot away.
   *
   * @throws {UnknownSlotError} If there is none of this number.
   */
  delete(id: number): void {
    this.#get("delete", id);
    this.#draft.delete(id);
  }

  /**
   * Moves a slot to other guest pages; its host memory stays the same.
   *
   * @throws {UnknownSlotError} If there is none of this number.
   * @throws {InvalidSlotError} If it does not fit there.
   */
  move(id: number, baseGfn: number): void {
    this.#change({ ...this.#get("move", id), baseGfn });
  }

  /**
   * Gives a slot other flags. It stays where it is, and lookups go on meanwhile.
   *
   * @param flags Bits of `SLOT_FLAG`, without INVALID.
   * @throws {UnknownSlotError} If there is none of this number.
   * @throws {InvalidSlotError} If the flags are not known.
   */
  setFlags(id: number, flags: number): void {
    this.#change({ ...this.#get("change", id), flags });
  }

  /**
   * Makes the batch visible, and blocks until nobody uses what it has taken away.
   *
   * @param options With `hurry`, readers in the way are asked to hurry.
   * @throws {SlotOverlapError} If two slots would have the same gfn.
   * @throws {SlotLimitError} If there would be too many.
   * @throws {BatchConflictError} If another batch came before, or this one was committed.
   * @throws {ArenaExhaustedError} If the arena has no room.
   * @throws {WaitInSectionError} If a wait is needed and this context has a section open. After any
   * of these nothing is changed, and the batch may be committed again.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and readers do not move soon: nothing
   * is changed, or, if it was the second wait, the batch is in effect and its last readers are not
   * known to be gone. Use `commitAsync` there.
   */
  commit(options: { readonly hurry?: boolean } = {}): void {
    const { srcu } = this.#core;
    const steps = this.#begin();
    try {
      while (!steps.next().done) {
        try {
          srcu.synchronizeSrcu(options);
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
   * As `commit`, without blocking the thread: this context's own sections can end meanwhile.
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
    if (this.#committed) throw new BatchConflictError("it was committed before");
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
      const kept = old && samePlace(old, slot) ? old.log : 0;
      return { ...slot, log: this.#logFor(slot, kept, logs) };
    });
    const after = new Map(final.map((slot) => [slot.id, slot]));
    const stays = (old: TableSlot) => {
      const slot = after.get(old.id);
      return slot !== undefined && samePlace(old, slot) ? slot : undefined;
    };
    return {
      base: this.#base,
      generation: this.#generation,
      removed: this.#before.filter((old) => !stays(old)),
      reflagged: this.#before.filter((old) => (stays(old) ?? old).flags !== old.flags),
      unlogged: this.#before.filter((old) => old.log !== 0 && stays(old)?.log !== old.log),
      interim: this.#before.map((old) =>
        stays(old) ?? { ...old, flags: old.flags | SLOT_FLAG.INVALID }
      ),
      final,
      logs,
    };
  }

  /** The dirty log of a slot: the one it has, a new one, or none. */
  #logFor({ flags, pages }: Memslot, kept: number, logs: number[]): number {
    if ((flags & SLOT_FLAG.LOG_DIRTY) === 0) return 0;
    if (kept !== 0) return kept;
    const log = this.#core.arena.allocate(8 * Math.ceil(pages / 64));
    logs.push(log);
    return log;
  }

  #get(action: string, id: number): Memslot {
    const slot = this.#draft.get(id);
    if (!slot) throw new UnknownSlotError(action, id);
    return slot;
  }

  #change(slot: Memslot): void {
    checkSlot(slot, this.#core.pageBits);
    this.#draft.set(slot.id, slot);
  }
}

/** Whether a slot is where it was: the mappings made from it stay right. */
function samePlace(a: Memslot, b: Memslot): boolean {
  return a.baseGfn === b.baseGfn && a.pages === b.pages && a.host === b.host;
}

function refuseIfUnderWay(arena: Arena, table: number): void {
  const committer = arena.u32[(table + TABLE.COMMITTER) >>> 2]!;
  if (committer === 0) return;
  const context = arena.contexts().find(({ token }) => token === committer);
  if (!context?.alive) return;
  throw new BatchConflictError(
    `context ${committer} ("${context.label}") is committing one, and has not finished`,
  );
}
