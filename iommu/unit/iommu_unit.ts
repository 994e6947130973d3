/**
 * What IOMMUs of both kinds share: the invalidation of every worker's IOTLB, and what workers attach
 * to.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { instantiateKernel } from "@guestmem/rcu/internal";
import { lastAddress, MAX_PAGES, pageOf, pagesOf } from "../addresses/pages.ts";
import { IommuError } from "../errors/iommu_error.ts";
import { type IommuHandle, UNIT, UNIT_MAGIC } from "../handles/unit_handle.ts";
import { EVERY_DOMAIN, InvalidationLog } from "../iotlb/invalidation_log.ts";
import { storeNumber } from "../iotlb/store_number.ts";
import {
  changeAndWait,
  changeAndWaitAsync,
  type GracePeriods,
} from "../resources/grace_periods.ts";
import type { UnitResources } from "../resources/unit_resources.ts";

/** Options of both kinds of IOMMU. */
export interface IommuOptions {
  /** The arena. */
  readonly arena: BlockAllocator & {
    /** What other contexts attach to it with. */
    readonly handle: { readonly id: string };
  };
  /** The domain whose read-side sections protect translations and the use of their results. */
  readonly domain: GracePeriods;
}

/** An IOMMU, in the control context: a {@linkcode TableIommu} or a {@linkcode GuestIommu}. */
export abstract class IommuUnit {
  /** What workers attach with; valid as long as the unit. */
  readonly handle: IommuHandle;
  /** @internal What it gives its tables and regions. */
  protected readonly resources: UnitResources;

  /**
   * @internal Called by the constructors of both kinds.
   *
   * @param options Arena and domain.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor({ arena, domain }: IommuOptions) {
    const offset = arena.allocate(UNIT.size, UNIT.alignment);
    UNIT.magic.set(arena.u32, offset, UNIT_MAGIC);
    this.handle = { kind: "guestmem-iommu", arena: arena.handle.id, offset };
    this.resources = { arena, domain, log: new InvalidationLog(arena, UNIT.log.at(offset)) };
  }

  /**
   * Drops translations from the IOTLB of every worker, and returns when no worker uses one of them any
   * more.
   *
   * @param request What to invalidate: everything, one domain, or a range of one domain.
   * @throws {IommuError} `UNKNOWN_DOMAIN` if a {@linkcode TableIommu} has no such domain;
   * `INVALID_ADDRESS`, `UNALIGNED` or `RANGE_BEYOND` if the range is not valid; `MAPPING_LIMIT` if a
   * notifier follows the mappings of a {@linkcode GuestIommu} and its tables have too many. The
   * translations are then dropped, but readers may still use them.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is invalidated.
   */
  invalidate(request: {
    /** The domain; every domain unless given. */
    readonly domain?: number;
    /** First address; the whole address space unless given. It is rounded down to a page. */
    readonly first?: number | bigint;
    /** Bytes from there on, a multiple of 4,096; up to the end unless given. */
    readonly size?: number | bigint;
  } = {}): void {
    const { domain } = this.resources;
    changeAndWait(domain, "invalidate translations", () => this.announce(request));
  }

  /**
   * As {@linkcode invalidate}, without blocking the thread.
   *
   * @param request What to invalidate.
   */
  async invalidateAsync(
    request: {
      readonly domain?: number;
      readonly first?: number | bigint;
      readonly size?: number | bigint;
    } = {},
  ): Promise<void> {
    const { domain } = this.resources;
    await changeAndWaitAsync(domain, "invalidate translations", () => this.announce(request));
  }

  /** @internal Appends an invalidation to the log; the caller waits for a grace period. */
  protected announce({ domain = EVERY_DOMAIN, first = 0, size }: Invalidation): void {
    const action = "invalidate";
    const firstPage = pageOf(first);
    const lastPage = size === undefined ? MAX_PAGES - 1 : firstPage + pagesOf(action, size) - 1;
    if (lastPage >= MAX_PAGES) {
      throw new IommuError("RANGE_BEYOND", { action, last: lastAddress(lastPage), bits: 64 });
    }
    this.resources.log.append(domain, firstPage, lastPage);
    this.notifyInvalidated(firstPage, lastPage);
  }

  /** @internal Notifies the followers of an invalidation. */
  protected notifyInvalidated(_firstPage: number, _lastPage: number): void {}

  /** @internal Draws an id, 1 or above, that is never drawn again. */
  protected drawId(): number {
    const kernel = instantiateKernel(this.resources.arena.memory);
    const cell = UNIT.lastId.at(this.handle.offset);
    const id = kernel.load64(cell) + 1;
    storeNumber(kernel, cell, id);
    return id;
  }
}

/** What to invalidate. */
export type Invalidation = NonNullable<Parameters<IommuUnit["invalidate"]>[0]>;

/** The error for a region that a unit cannot destroy. */
export function notOfThisUnit(): IommuError {
  return new IommuError("FOREIGN_HANDLE", {
    action: "destroy an IOMMU region",
    reason: "it does not belong to this IOMMU, or was destroyed",
  });
}
