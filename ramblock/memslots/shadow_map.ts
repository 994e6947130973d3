/**
 * The shadow mappings of a vCPU.
 *
 * @module
 */

import { RcuError, type ReadGuard } from "@guestmem/rcu";
import { exactNumber, invalidAddress } from "../address/exact_number.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import type { Kernel } from "../kernel/kernel.ts";
import {
  MEMSLOTS,
  SHADOW,
  SHADOW_ENTRY,
  SHADOW_PAGE,
  SHADOW_PAGE_BITS,
} from "../kernel/layouts.ts";
import { type Memslots, slotsCoreOf } from "./memslots.ts";
import { forEachShadow, type SlotsCore } from "./slots_core.ts";

/**
 * The shadow mappings of one vCPU: a direct-mapped cache of gfn to host address. It lies in the arena,
 * so that a batch can end mappings of every vCPU. Its vCPU alone fills it, and only from slots that are
 * valid in its snapshot. Its entries form shadow pages of 64, each with a bitmap of the slots that it
 * maps (KVM's `slot_bitmap`): starting the dirty log of a slot visits only the pages that map it.
 *
 * A vCPU holds a section from `translate` to the end of its access. It may keep one open for many
 * accesses, and ends it when `reader.hurry` is set and before it waits.
 *
 * @example
 * ```ts
 * import { Arena, Srcu } from "@guestmem/rcu";
 * import { Memslots, OUTCOME, ShadowMap } from "@guestmem/ramblock/memslots";
 * import { assertEquals } from "@std/assert";
 *
 * const srcu = Srcu.create(Arena.create({ bytes: 1 << 20 }));
 * const slots = Memslots.create(srcu);
 * const batch = slots.batch();
 * batch.create({ id: 0, baseGfn: 0x100, pages: 16, host: 2 ** 46, flags: 0 });
 * batch.commit();
 *
 * const shadow = ShadowMap.create(slots);
 * const guard = srcu.register().lock();
 * assertEquals(shadow.translate(guard, 0x101, true), 2 ** 46 + 0x1000);
 * assertEquals(shadow.translate(guard, 0x200, true), OUTCOME.NO_SLOT);
 * guard.unlock();
 * ```
 */
export class ShadowMap {
  /** Offset of the map in the arena. */
  readonly offset: number;
  readonly #slots: Memslots;
  readonly #kernel: Kernel;
  readonly #pageBits: number;
  readonly #debug: boolean;

  private constructor(slots: Memslots, kernel: Kernel, offset: number) {
    this.offset = offset;
    this.#slots = slots;
    this.#kernel = kernel;
    this.#pageBits = slots.pageBits;
    this.#debug = slots.srcu.arena.debug;
  }

  /**
   * Creates a vCPU's shadow map, or takes over one of the same size whose context has released it or
   * is gone. Only this context may use it.
   *
   * @param options How many entries, a power of two up to 2^20. Default: 4,096.
   * @throws {RamBlockError} INVALID_LENGTH.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(slots: Memslots, options: { readonly entries?: number } = {}): ShadowMap {
    const { entries = 4096 } = options;
    if (!Number.isInteger(Math.log2(entries)) || entries < 1 || entries > 2 ** 20) {
      throw new RamBlockError("INVALID_LENGTH", {
        what: "the entries of a shadow map",
        value: entries,
        requirement: "a power of two to 2^20",
      });
    }
    const core = slotsCoreOf(slots);
    return new ShadowMap(slots, core.kernel, adopt(core, entries) || allocate(core, entries));
  }

  /**
   * The host address of a guest page, for one kind of access. A hit reads one entry of this map; a miss
   * looks up the current table and instantiates the mapping. A write to a slot that logs marks the
   * page.
   *
   * @param guard An open section of the memslots' domain, held until the access is done.
   * @param gfn Number of a guest page, 0 to 2^52 - 1.
   * @param write Whether the access writes.
   * @returns The address of the page; if negative, one of {@linkcode OUTCOME}.
   * @throws {RamBlockError} INVALID_ADDRESS if the gfn is out of range.
   */
  translate(guard: ReadGuard, gfn: number | bigint, write: boolean): number {
    if (typeof gfn === "bigint") return this.translate(guard, exactNumber(gfn), write);
    if (!(gfn >= 0 && gfn < 2 ** 52)) throw invalidAddress(gfn);
    if (this.#debug && !guard.open) {
      throw new RcuError("SECTION_CLOSED", { action: "use a shadow mapping" });
    }
    const host = this.#kernel.shadowLookup(this.offset, gfn, write ? 1 : 0);
    return host >= 0 ? host : this.instantiate(this.#slots.snapshot(guard), gfn, write);
  }

  /**
   * Instantiates a mapping from a snapshot, as `translate` does on a miss.
   *
   * @param table A snapshot of the section that the caller is in.
   * @param gfn Number of a guest page.
   * @param write Whether the access writes.
   * @returns The host address of the page; if negative, one of {@linkcode OUTCOME}.
   */
  instantiate(table: number, gfn: number | bigint, write: boolean): number {
    if (typeof gfn === "bigint") return this.instantiate(table, exactNumber(gfn), write);
    return this.#kernel.shadowFill(this.offset, table, gfn, write ? 1 : 0, this.#pageBits);
  }

  /** Ends all mappings of this vCPU. */
  clear(): void {
    this.#kernel.shadowClear(this.offset);
  }

  /** Releases the map for another vCPU. It cannot be used afterwards. */
  release(): void {
    this.clear();
    this.#kernel.store32(SHADOW.owner.at(this.offset), 0);
  }
}

/**
 * Takes over a map that nobody fills any more; 0 if there is none.
 *
 * Whether an owner is gone is asked after the owner was read. A context that is gone never comes back,
 * and tokens never repeat, so if the exchange then finds the same owner, that owner is gone. A list of
 * contexts that is older than the owner would miss one that has attached in between.
 */
function adopt(core: SlotsCore, entries: number): number {
  const { arena, kernel } = core;
  const mayRun = (owner: number) => {
    return arena.contexts().some(({ token, state }) => {
      return token === owner && (state === "alive" || state === "expelled");
    });
  };
  let adopted = 0;
  forEachShadow(core, (shadow) => {
    if (adopted !== 0 || SHADOW.mask.get(arena.u32, shadow) !== entries - 1) return;
    const cell = SHADOW.owner.at(shadow);
    const owner = kernel.load32(cell) >>> 0;
    if (owner !== 0 && mayRun(owner)) return;
    if (kernel.compareExchange32(cell, owner, arena.token) >>> 0 === owner) adopted = shadow;
  });
  if (adopted !== 0) kernel.shadowClear(adopted);
  return adopted;
}

/** Allocates a map and pushes it on the list, where flushes find it. */
function allocate({ arena, kernel, memslots }: SlotsCore, entries: number): number {
  const { u32 } = arena;
  const pages = Math.ceil(entries / 2 ** SHADOW_PAGE_BITS);
  const bytes = SHADOW.size + entries * SHADOW_ENTRY.size + pages * SHADOW_PAGE.size;
  const shadow = arena.allocate(bytes, SHADOW.alignment);
  SHADOW.mask.set(u32, shadow, entries - 1);
  SHADOW.owner.set(u32, shadow, arena.token);
  const list = MEMSLOTS.shadows.at(memslots);
  for (;;) {
    const head = kernel.load32(list) >>> 0;
    SHADOW.next.set(u32, shadow, head);
    if (kernel.compareExchange32(list, head, shadow) >>> 0 === head) return shadow;
  }
}
