/**
 * The block of a domain in the arena.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import { encodeLabel, storeLabel } from "../arena/label.ts";
import { MEMBER, MemberType } from "../arena/members.ts";
import { destroyMember, registerMember } from "../arena/register_member.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { DOMAIN, SLOT } from "../kernel/layouts.ts";

/** Options of `RcuDomain.create` and `Srcu.create`. */
export interface DomainOptions {
  /** How many readers may be registered at once; 64 unless given. Each costs 128 bytes. */
  readonly readers?: number;
  /** A name for reports, at most 32 bytes of UTF-8. */
  readonly label?: string;
  /** How many blocks may wait, and in each context how many functions; 65,536 unless given. */
  readonly maxDeferred?: number;
  /** How many bytes of blocks may wait; an eighth of the arena unless given. */
  readonly maxDeferredBytes?: number;
  /**
   * After how many milliseconds a grace period counts as stalled; 10,000 unless given. `Infinity` ends
   * the reports.
   */
  readonly stallMs?: number;
}

/** What another context attaches with. Structured-cloneable. */
export interface DomainHandle {
  /** Which kind of domain. */
  readonly kind: "guestmem-rcu" | "guestmem-srcu";
  /** The `id` of the arena that it lies in. */
  readonly arena: string;
  /** Its block. */
  readonly offset: number;
  /** A random number, which distinguishes the domain from a later one in the same place. */
  readonly id: number;
}

/** A domain's block starts at a pair of cache lines, as each of its slots does. */
const BLOCK_ALIGNMENT: number = SLOT.size;

/** The types of both kinds in the arena's list of members. */
const TYPES = { "guestmem-rcu": MemberType.DOMAIN, "guestmem-srcu": MemberType.SRCU } as const;

/**
 * Allocates a domain's block and makes it known to evictions.
 *
 * @throws {RangeError} If an option is out of its range.
 * @throws {RcuError} `LABEL_TOO_LONG` if the label does not fit.
 * @throws {ArenaExhaustedError} If the arena has no room.
 */
export function createBlock(
  arena: Arena,
  kind: DomainHandle["kind"],
  options: DomainOptions,
): DomainHandle {
  const readers = positive("readers", options.readers ?? 64, 65536);
  const id = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const maxDeferred = positive("maxDeferred", options.maxDeferred ?? 65536);
  const maxBytes = positive("maxDeferredBytes", options.maxDeferredBytes ?? arena.u8.length >>> 3);
  const { stallMs: stall = 10_000 } = options;
  const stallMs = stall === Infinity ? 0 : positive("stallMs", stall);
  const label = encodeLabel(options.label ?? "", DOMAIN);
  const bytes = DOMAIN.size + readers * SLOT.size;
  const offset = coreOf(arena).allocate(bytes, BLOCK_ALIGNMENT, true, true);
  const { u32 } = arena;
  DOMAIN.id.set(u32, offset, id);
  DOMAIN.slotLimit.set(u32, offset, readers);
  DOMAIN.maxDeferred.set(u32, offset, maxDeferred);
  DOMAIN.maxDeferredBytes.set(u32, offset, maxBytes);
  DOMAIN.stallMs.set(u32, offset, stallMs);
  storeLabel(arena, DOMAIN, offset, label);
  if (kind === "guestmem-rcu") {
    // The counters start at 1, since 0 in a slot means that its reader is in no section.
    DOMAIN.gpCtr.set(u32, offset, 1);
    DOMAIN.gpDone.set(u32, offset, 1);
  }
  registerMember(arena, offset, TYPES[kind]);
  return { kind, arena: arena.handle.id, offset, id };
}

/** Frees a domain's block. */
export function destroyBlock(arena: Arena, offset: number): void {
  destroyMember(arena, offset);
}

/**
 * Checks that a handle names a domain of `kind` in this arena.
 *
 * @returns The domain's offset.
 * @throws {RcuError} `FOREIGN_DOMAIN` if it does not.
 */
export function checkDomain(
  arena: Arena,
  kind: DomainHandle["kind"],
  handle: DomainHandle,
): number {
  const offset = handle?.offset;
  const fail = (reason: string) =>
    new RcuError("FOREIGN_DOMAIN", { offset, expected: kind, reason });
  if (handle?.kind !== kind) throw fail(`the handle is of kind ${handle?.kind}`);
  if (handle.arena !== arena.handle.id) throw fail(`it lies in arena ${handle.arena}`);
  if (!Number.isInteger(offset) || offset <= 0 || offset % BLOCK_ALIGNMENT !== 0) {
    throw fail(`blocks of domains are aligned to ${BLOCK_ALIGNMENT} bytes`);
  }
  if (!isDomainThere(arena, handle)) throw fail("no such domain lies there");
  return offset;
}

/**
 * Whether a domain that was there has not been destroyed since. The answer holds while the caller has
 * pinned the members: the block is freed when nobody has, after its type was cleared.
 */
export function isDomainThere(arena: Arena, handle: DomainHandle): boolean {
  const type = instantiateKernel(arena.memory).load32(MEMBER.type.at(handle.offset));
  return type === TYPES[handle.kind] &&
    DOMAIN.id.get(arena.u32, handle.offset) === handle.id;
}

/** The handle of the domain whose block lies at `offset`. */
export function handleOf(arena: Arena, offset: number): DomainHandle {
  const isSrcu = DOMAIN.memberType.get(arena.u32, offset) === MemberType.SRCU;
  const kind = isSrcu ? "guestmem-srcu" : "guestmem-rcu";
  return { kind, arena: arena.handle.id, offset, id: DOMAIN.id.get(arena.u32, offset) };
}

function positive(name: string, value: number, most = 2 ** 32 - 1): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(
    `Cannot create a domain with ${name} ${value}: it must be an integer from 1 to ${most}`,
  );
}
