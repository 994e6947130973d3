/**
 * RCU over shared memory: several workers read data structures in one `WebAssembly.Memory` without
 * locks and without waiting, while others replace parts of them and free the old parts once no
 * reader can still see them.
 *
 * An {@linkcode Arena} is the shared memory with its allocator. An {@linkcode RcuDomain} knows which
 * of its readers are inside a section and waits for those that were when a part was unlinked.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const current = RcuPointer.create(arena, arena.allocate(16));
 *
 * // In each worker, after it attached to `arena.handle` and `domain.handle`:
 * const reader = domain.register();
 * const section = reader.lock();
 * const version = arena.u32[current.dereference(section) / 4];
 * section.unlock();
 * assertEquals(version, 0);
 *
 * // In whichever worker updates: fill a new block, publish it, free the old one after a grace period.
 * const next = arena.allocate(16);
 * arena.u32[next / 4] = 1;
 * domain.deferFree(current.exchange(next));
 * ```
 *
 * @module
 */

export type { BlockAllocator, SharedMemory } from "./arena/allocator.ts";
export { Arena, type ArenaHandle, type ArenaOptions } from "./arena/arena.ts";
export type { CheckedView } from "./arena/checked.ts";
export type { ContextInfo } from "./arena/contexts.ts";
export type { EvictionReport } from "./arena/evict.ts";
export type { RepairReport } from "./arena/repair.ts";
export type { ArenaStats, ClassStats } from "./arena/stats.ts";
export { LIST_NODE_BYTES, RcuList } from "./data/list.ts";
export { RcuPair } from "./data/pair.ts";
export { RcuPointer } from "./data/pointer.ts";
export {
  type BlockHistory,
  type ContextName,
  RcuError,
  type RcuErrorDetails,
} from "./errors/rcu_error.ts";
export {
  ArenaExhaustedError,
  BlockingForbiddenError,
  DeferredBudgetError,
  EvictedError,
  UseAfterFreeError,
  WaitInSectionError,
} from "./errors/specific_errors.ts";
export { RcuDomain, type ReaderOptions, type Reclaimer } from "./domain/domain.ts";
export { MembReader } from "./domain/memb_reader.ts";
export { QsbrReader } from "./domain/qsbr_reader.ts";
export { RcuReader, type ReaderPlace } from "./domain/reader.ts";
export type { OutermostGuard, ReadGuard } from "./domain/section.ts";
export type { DomainHandle, DomainOptions } from "./grace_period/block.ts";
export { type DomainStats, GracePeriodDomain } from "./grace_period/domain.ts";
export type { Engine } from "./grace_period/engine.ts";
export type { Flavour, ReaderName } from "./grace_period/slots.ts";
export type { StallReport } from "./grace_period/stall.ts";
export { SrcuReader } from "./srcu/reader.ts";
export { Srcu } from "./srcu/srcu.ts";
export { type LockOutcome, Mutex } from "./sync/mutex.ts";
