/**
 * Slots that follow a flat view.
 *
 * @module
 */

import { coreOf } from "../blocks/guest_ram.ts";
import type { RamList } from "../blocks/ram_list.ts";
import type { RamSection } from "../blocks/ram_section.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { SLOT_FLAG } from "../kernel/layouts.ts";
import type { Memslots } from "./memslots.ts";

/** A slot that the flat view asks for. */
interface Wanted {
  readonly baseGfn: number;
  readonly pages: number;
  readonly host: number;
  readonly flags: number;
  /** The ram_addr_t of the first page. */
  readonly ramAddr: number;
  /** The clients that log writes. */
  readonly clients: number;
}

/** A slot that was committed. */
interface Committed extends Wanted {
  readonly id: number;
}

/**
 * Keeps memslots in step with the flat view of one address space, as QEMU's KVM listener does: RAM
 * becomes slots, cut down to whole pages; ROM becomes read-only slots, and so does a ROM device in
 * romd mode; a ROM device out of romd mode has no slot, so that every access exits to it; a region
 * with dirty logging gets a slot that logs. All changes of one commit of the view are one batch, so
 * no vCPU meets a hole.
 *
 * It has the methods of a memory listener. Control context only; its `commit` blocks for the grace
 * periods of the batch.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain, Srcu } from "@guestmem/rcu";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { MemslotListener, Memslots } from "@guestmem/ramblock/memslots";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const blocks = new RamList(GuestRam.create(RcuDomain.create(arena), { bytes: 1 << 24 }));
 * const { id, offset } = blocks.addAnonymous({ name: "pc.ram", length: 1 << 20 });
 * const srcu = Srcu.create(arena);
 * const slots = Memslots.create(srcu);
 * const listener = new MemslotListener(slots, blocks);
 *
 * const ram = { blockId: id, ramAddr: offset };
 * listener.regionAdd({
 *   region: { kind: "ram", romd: false, dirtyLogMask: 0, ram },
 *   offsetWithinRegion: 0xe00n,
 *   offsetWithinAddressSpace: 0xe00n, // starts within a page: the slot starts with the next one
 *   size: 0x2200n,
 *   readonly: false,
 * });
 * listener.commit();
 * const guard = srcu.register().lock();
 * const [slot] = slots.slots(slots.snapshot(guard));
 * assertEquals([slot?.baseGfn, slot?.pages, slot?.host], [1, 2, blocks.blocks()[0]!.host + 0x1000]);
 * guard.unlock();
 * ```
 */
export class MemslotListener {
  readonly #slots: Memslots;
  readonly #blocks: RamList;
  /** The slots of the last commit, by first gfn. */
  #committed: Map<number, Committed> = new Map();
  /** The slots of the next commit, by first gfn. */
  readonly #wanted: Map<number, Wanted> = new Map();
  /** Whether the two may differ: most commits of a machine's views change no RAM here. */
  #changed = false;

  /**
   * Creates a listener, to be registered where it is notified of all sections.
   *
   * @param slots The memslots, which nobody else may change.
   * @param blocks The RAM.
   */
  constructor(slots: Memslots, blocks: RamList) {
    this.#slots = slots;
    this.#blocks = blocks;
    slots.onLogEnd = (slot, dirty) => {
      const committed = this.#committed.get(slot.baseGfn);
      if (committed) this.#passOn(committed, dirty);
    };
  }

  /**
   * A section was added.
   *
   * @throws {RamBlockError} UNMAPPABLE_SECTION if it cannot be a slot: it gets none, and the others are
   * not affected.
   */
  regionAdd(section: RamSection): void {
    const { region, offsetWithinAddressSpace: address } = section;
    if (!region?.ram || (region.kind === "romDevice" && !region.romd)) return;
    const cut = this.#cut(section);
    if (!cut) return;
    const { baseGfn, pages, skipped } = cut;
    const block = this.#blocks.blocks().find(({ id }) => id === region.ram!.blockId);
    if (!block) throw unmappable(address, `no RAM block has id ${region.ram.blockId}`);
    const ramAddr = Number(BigInt(region.ram.ramAddr) + section.offsetWithinRegion + skipped);
    const host = block.host + ramAddr - block.offset;
    if (host % this.#page !== 0) {
      throw unmappable(address, "its memory and its addresses are aligned differently");
    }
    // Memory behind the block belongs to another block, which a guest must not reach through this one.
    const end = ramAddr + pages * this.#page;
    if (ramAddr < block.offset || end > block.offset + block.maxLength) {
      throw unmappable(address, `it reaches beyond RAM block "${block.name}"`);
    }
    const clients = region.dirtyLogMask;
    const flags = flagsOf(section, clients);
    this.#wanted.set(baseGfn, { baseGfn, pages, host, flags, ramAddr, clients });
    this.#changed = true;
  }

  /** A section was deleted. */
  regionDel(section: RamSection): void {
    const cut = this.#cut(section);
    if (cut && this.#wanted.delete(cut.baseGfn)) this.#changed = true;
  }

  /** Clients started to log writes. */
  logStart(section: RamSection, _oldMask: number, newMask: number): void {
    this.#setLog(section, newMask);
  }

  /** Clients stopped logging writes. */
  logStop(section: RamSection, _oldMask: number, newMask: number): void {
    this.#setLog(section, newMask);
  }

  /**
   * Commits all changes since the last commit as one batch.
   *
   * @throws As `SlotBatch.commit`; the slots then stay as they were, and the next commit tries again.
   */
  commit(): void {
    if (!this.#changed) return;
    const batch = this.#slots.batch();
    const committed = new Map<number, Committed>();
    for (const [gfn, { id, pages, host, flags }] of this.#committed) {
      const wanted = this.#wanted.get(gfn);
      if (!wanted || wanted.pages !== pages || wanted.host !== host) {
        batch.delete(id);
        continue;
      }
      if (wanted.flags !== flags) batch.setFlags(id, wanted.flags);
      committed.set(gfn, { ...wanted, id });
    }
    const taken = new Set([...committed.values()].map(({ id }) => id));
    let id = 0;
    for (const [gfn, wanted] of this.#wanted) {
      if (committed.has(gfn)) continue;
      while (taken.has(id)) id++;
      batch.create({ ...wanted, id });
      committed.set(gfn, { ...wanted, id: id++ });
    }
    batch.commit({ hurry: true });
    this.#committed = committed;
    this.#changed = false;
  }

  /**
   * The dirty log of a section is about to be read: moves the log of its slot to the dirty bitmaps of
   * RAM, for the clients that log. Blocks for a grace period.
   *
   * @throws As `Memslots.collectDirtyLog`; the log keeps its pages.
   */
  logSync(section: RamSection): void {
    const cut = this.#cut(section);
    const slot = cut && this.#committed.get(cut.baseGfn);
    if (slot && slot.clients !== 0) this.#passOn(slot, this.#slots.collectDirtyLog(slot.id));
  }

  get #page(): number {
    return 2 ** this.#slots.pageBits;
  }

  #setLog(section: RamSection, clients: number): void {
    const cut = this.#cut(section);
    const wanted = cut && this.#wanted.get(cut.baseGfn);
    if (!wanted) return;
    this.#wanted.set(cut.baseGfn, { ...wanted, clients, flags: flagsOf(section, clients) });
    this.#changed = true;
  }

  /** The whole pages of a section, undefined if it has none. */
  #cut(section: RamSection): { baseGfn: number; pages: number; skipped: bigint } | undefined {
    const page = BigInt(this.#page);
    const start = section.offsetWithinAddressSpace;
    const first = (start + page - 1n) / page;
    const end = (start + section.size) / page;
    if (end <= first) return undefined;
    return { baseGfn: Number(first), pages: Number(end - first), skipped: first * page - start };
  }

  /** Marks the dirty pages of a slot in the bitmaps of RAM. */
  #passOn({ baseGfn, ramAddr, clients }: Committed, dirty: Iterable<number>): void {
    const { kernel, ram } = coreOf(this.#blocks.ram);
    const ramPage = 2 ** this.#blocks.ram.dirty.pageBits;
    for (const gfn of dirty) {
      const address = ramAddr + (gfn - baseGfn) * this.#page;
      const first = Math.floor(address / ramPage);
      const last = Math.floor((address + this.#page - 1) / ramPage);
      kernel.setDirty(ram, first, last - first + 1, clients);
    }
  }
}

/** The flags of the slot of a section. */
function flagsOf({ region, readonly }: RamSection, clients: number): number {
  const isReadOnly = readonly || region!.kind === "romDevice";
  return (isReadOnly ? SLOT_FLAG.READONLY : 0) | (clients === 0 ? 0 : SLOT_FLAG.LOG_DIRTY);
}

function unmappable(address: bigint, reason: string): RamBlockError {
  return new RamBlockError("UNMAPPABLE_SECTION", { address, reason });
}
