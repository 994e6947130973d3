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
 * const guard = reader.lock();
 * const version = arena.u32[current.dereference(guard) / 4];
 * guard.unlock();
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
export { Arena, type ArenaHandle } from "./arena/arena.ts";
export type { CheckedView } from "./arena/checked.ts";
export type { ContextInfo } from "./arena/contexts.ts";
export type { EvictionReport } from "./arena/evict.ts";
export type { ArenaStats } from "./arena/stats.ts";
export { RcuList } from "./data/rcu_list.ts";
export { RcuPair } from "./data/rcu_pair.ts";
export { RcuPointer } from "./data/rcu_pointer.ts";
export { RcuValue } from "./data/rcu_value.ts";
export type { ValueCodec } from "./data/value_codec.ts";
export { MembReader } from "./domain/memb_reader.ts";
export { QsbrReader } from "./domain/qsbr_reader.ts";
export { RcuDomain, type ReaderOptions } from "./domain/rcu_domain.ts";
export { RcuReader } from "./domain/rcu_reader.ts";
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
export { Domain, type DomainStats } from "./grace_period/domain.ts";
export type { DomainHandle, DomainOptions } from "./grace_period/domain_block.ts";
export type { ReadGuard, ReadLock } from "./grace_period/read_guard.ts";
export type { Reclaimer } from "./grace_period/reclaimer.ts";
export type { Flavour } from "./grace_period/slots.ts";
export type { StallReport } from "./grace_period/stall.ts";
export { Srcu } from "./srcu/srcu.ts";
export { SrcuReader } from "./srcu/srcu_reader.ts";
export { type LockOutcome, Mutex } from "./sync/mutex.ts";
export type { WaitOptions } from "./sync/wait_options.ts";
