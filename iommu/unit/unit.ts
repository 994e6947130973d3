/**
 * What IOMMUs of both kinds share: invalidation of every worker's IOTLB, and what workers attach to.
 *
 * @module
 */

import type { Arena, RcuDomain } from "@guestmem/rcu";
import { waitOutside } from "@guestmem/rcu/internal";
import { MAX_PAGES, PAGE_BITS, pageOf, pagesOf } from "../_pages.ts";
import { RangeBeyondError } from "../errors.ts";
import { EVERY_DOMAIN, InvalidationLog } from "../iotlb/invalidations.ts";
import { MAGIC, UNIT, UNIT_BYTES } from "./layout.ts";

/** What a worker attaches to an IOMMU with. Structured-cloneable. */
export interface IommuHandle {
  /** Tells it from other handles. */
  readonly kind: "guestmem-iommu";
  /** Id of the arena. */
  readonly arena: string;
  /** Offset of the unit's block. */
  readonly offset: number;
}

/** What is to be invalidated: everything, one domain, or a range of one domain. */
export interface Invalidation {
  /** The domain; every domain unless given. */
  readonly domain?: number;
  /** First address; the whole address space unless given. It is rounded down to a page. */
  readonly first?: number | bigint;
  /** Bytes from there on, a multiple of 4,096; up to the end unless given. */
  readonly size?: number | bigint;
}

/** Options of every kind of unit. */
export interface IommuOptions {
  /** The arena. */
  readonly arena: Arena;
  /** The domain whose read-side sections protect translations and the use of their results. */
  readonly domain: RcuDomain;
}

/** An IOMMU, in the control context. */
export abstract class IommuUnit {
  /** The arena. */
  readonly arena: Arena;
  /** The domain whose read-side sections protect translations. */
  readonly domain: RcuDomain;
  /** What workers attach with; good as long as the unit. */
  readonly handle: IommuHandle;
  /** @internal The log that reaches every IOTLB. */
  protected readonly log: InvalidationLog;

  /**
   * Made by the constructors of both kinds.
   *
   * @param options Arena and domain.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor({ arena, domain }: IommuOptions) {
    this.arena = arena;
    this.domain = domain;
    const offset = arena.allocate(UNIT_BYTES);
    arena.u32[(offset + UNIT.magic) >>> 2] = MAGIC;
    this.handle = { kind: "guestmem-iommu", arena: arena.handle.id, offset };
    this.log = new InvalidationLog(arena, offset + UNIT.log);
  }

  /**
   * Drops translations from the IOTLB of every worker, and returns when no worker uses one of them
   * any more.
   *
   * @param request Which.
   * @throws {UnknownDomainError} If there is no such domain.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is invalidated.
   */
  invalidate(request: Invalidation = {}): void {
    waitOutside(this.arena, "invalidate translations", () => {
      this.announce(request);
      this.domain.synchronize();
    });
  }

  /**
   * As {@linkcode invalidate}, without blocking the thread.
   *
   * @param request Which.
   */
  async invalidateAsync(request: Invalidation = {}): Promise<void> {
    waitOutside(this.arena, "invalidate translations", () => this.announce(request));
    await this.domain.synchronizeAsync();
  }

  /** @internal Appends an invalidation to the log; the grace period is the caller's. */
  protected announce({ domain = EVERY_DOMAIN, first = 0, size }: Invalidation): void {
    const firstPage = pageOf(first);
    const lastPage = size === undefined
      ? MAX_PAGES - 1
      : firstPage + pagesOf("invalidate", size) - 1;
    if (lastPage >= MAX_PAGES) {
      throw new RangeBeyondError("invalidate", BigInt(lastPage) << BigInt(PAGE_BITS), 64);
    }
    this.log.append(domain, firstPage, lastPage);
    this.told(firstPage, lastPage);
  }

  /** @internal Tells those that keep mappings of their own of an invalidation. */
  protected told(_firstPage: number, _lastPage: number): void {}

  /** @internal Draws an id, from 1 on, that is never drawn again. */
  protected drawId(): number {
    const cell = this.handle.offset + UNIT.nextId;
    const id = this.arena.kernel.load64(cell) + 1;
    this.arena.kernel.pairStore(cell, id >>> 0, Math.floor(id / 2 ** 32));
    return id;
  }
}
