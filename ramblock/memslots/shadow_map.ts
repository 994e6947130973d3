/**
 * Shadow mappings: what a vCPU has of the memslots for itself.
 *
 * @module
 */

import { RcuError, type ReadGuard } from "@guestmem/rcu";
import { InvalidAddressError, InvalidLengthError } from "../errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { SlotsCore } from "./core.ts";
import { CONTROL, SHADOW } from "./layout.ts";
import { type Memslots, slotsCoreOf } from "./memslots.ts";

const ENTRY_BYTES = 16;

/**
 * The shadow mappings of one vCPU: a direct-mapped cache of gfn to host position, in the arena, so
 * that a batch can end mappings of every vCPU. Its vCPU alone fills it, and only from slots that are
 * valid in its snapshot.
 *
 * A vCPU holds a section from `translate` to the end of its access. It may keep one for many accesses;
 * it ends it when `reader.hurry` is set and before it waits.
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
 * const section = srcu.register().lock();
 * assertEquals(shadow.translate(section, 0x101, true), 2 ** 46 + 0x1000);
 * assertEquals(shadow.translate(section, 0x200, true), OUTCOME.NO_SLOT);
 * section.unlock();
 * ```
 */
export class ShadowMap {
  /** Where the map lies in the arena. */
  readonly offset: number;
  readonly #slots: Memslots;
  readonly #kernel: Kernel;
  readonly #pageBits: number;
  readonly #debug: boolean;

  private constructor(slots: Memslots, { kernel, arena }: SlotsCore, offset: number) {
    this.offset = offset;
    this.#slots = slots;
    this.#kernel = kernel;
    this.#pageBits = slots.pageBits;
    this.#debug = arena.debug;
  }

  /**
   * Makes a vCPU's shadow map, or takes over one of the same size whose context has released it or is
   * gone. It is for this context alone.
   *
   * @param options How many entries, a power of two up to 2^20; 4,096 unless given.
   * @throws {InvalidLengthError} If the number of entries does not serve.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(slots: Memslots, options: { readonly entries?: number } = {}): ShadowMap {
    const { entries = 4096 } = options;
    if (!Number.isInteger(Math.log2(entries)) || entries < 1 || entries > 2 ** 20) {
      throw new InvalidLengthError(
        "the entries of a shadow map",
        entries,
        "a power of two to 2^20",
      );
    }
    const core = slotsCoreOf(slots);
    return new ShadowMap(slots, core, adopt(core, entries) || allocate(core, entries));
  }

  /**
   * The host position of a guest page, for one kind of access. A hit costs one look at this vCPU's
   * own entry; a miss looks the current table up and instantiates the mapping. A write to a slot that
   * logs marks the page.
   *
   * @param section An open section of the memslots' domain, held until the access is done.
   * @param gfn Number of a guest page.
   * @param write Whether the access writes.
   * @returns The position of the page; if negative, one of {@linkcode OUTCOME}.
   * @throws {InvalidAddressError} If the gfn is no integer from 0 to 2^52 - 1.
   */
  translate(section: ReadGuard, gfn: number, write: boolean): number {
    if (!(gfn >= 0 && gfn < 2 ** 52)) throw new InvalidAddressError(gfn);
    if (this.#debug && !section.open) {
      throw new RcuError("SECTION_CLOSED", { action: "use a shadow mapping" });
    }
    const host = this.#kernel.shadowLookup(this.offset, gfn, write ? 1 : 0);
    return host >= 0 ? host : this.instantiate(this.#slots.snapshot(section), gfn, write);
  }

  /**
   * Instantiates a mapping from a snapshot, as `translate` does on a miss.
   *
   * @param table A snapshot of the section that the caller is in.
   */
  instantiate(table: number, gfn: number, write: boolean): number {
    return this.#kernel.shadowFill(this.offset, table, gfn, write ? 1 : 0, this.#pageBits);
  }

  /** Ends all mappings of this vCPU. */
  clear(): void {
    this.#kernel.shadowFlush(this.offset, 0, Number.MAX_SAFE_INTEGER);
  }

  /** Gives the map back, for another vCPU. It cannot be used afterwards. */
  release(): void {
    this.clear();
    this.#kernel.store32(this.offset + SHADOW.OWNER, 0);
  }
}

/** Takes over a map that nobody fills any more; 0 if there is none. */
function adopt({ arena, kernel, control }: SlotsCore, entries: number): number {
  const { u32 } = arena;
  const contexts = arena.contexts();
  const alive = (owner: number) => contexts.some(({ token, alive }) => token === owner && alive);
  let shadow = kernel.load32(control + CONTROL.SHADOWS) >>> 0;
  for (; shadow !== 0; shadow = u32[(shadow + SHADOW.NEXT) >>> 2]!) {
    if (u32[(shadow + SHADOW.MASK) >>> 2] !== entries - 1) continue;
    const owner = kernel.load32(shadow + SHADOW.OWNER) >>> 0;
    if (alive(owner)) continue;
    if (kernel.compareExchange32(shadow + SHADOW.OWNER, owner, arena.token) >>> 0 !== owner) {
      continue;
    }
    kernel.shadowFlush(shadow, 0, Number.MAX_SAFE_INTEGER);
    return shadow;
  }
  return 0;
}

/** Allocates a map and pushes it on the list, where flushes find it. */
function allocate({ arena, kernel, control }: SlotsCore, entries: number): number {
  const { u32 } = arena;
  const shadow = arena.allocate(SHADOW.ENTRIES + entries * ENTRY_BYTES, 64);
  u32[(shadow + SHADOW.MASK) >>> 2] = entries - 1;
  u32[(shadow + SHADOW.OWNER) >>> 2] = arena.token;
  for (;;) {
    const head = kernel.load32(control + CONTROL.SHADOWS) >>> 0;
    u32[(shadow + SHADOW.NEXT) >>> 2] = head;
    if (kernel.compareExchange32(control + CONTROL.SHADOWS, head, shadow) >>> 0 === head) {
      return shadow;
    }
  }
}
