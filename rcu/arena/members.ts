/**
 * Members: structures in the arena that need repair when a context dies. Each is a live block whose
 * first two words are its link in a list and its type; the list's head is in the arena's header.
 * Writers and walkers hold the arena's lock.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { defineLayout } from "../layout/layout.ts";
import type { SharedMemory } from "./allocator.ts";
import { BLOCK, BLOCK_HEADER } from "./block.ts";
import { HEADER } from "./header.ts";
import type { Store } from "./store.ts";

/** The words at the start of a member's block that belong to the arena. */
export const MEMBER = defineLayout({
  /** Next member, 0 at the end. */
  next: "u32",
  /** What it is, one of {@linkcode MemberType} or a sibling's; doubles as its magic number. */
  type: "u32",
});

/** Types of members. */
export const MemberType = {
  MUTEX: 0x4d555458,
  DOMAIN: 0x52435544,
  SRCU: 0x53524355,
} as const;

/**
 * Repairs one member after a context was evicted.
 *
 * Runs under the arena's lock, so it must neither allocate, free nor defer, and it must not wait.
 *
 * @param memory The arena's memory, in the context that evicts.
 * @param offset The member.
 * @param token The evicted context.
 * @returns How many things of each name it repaired; eviction adds them up over all members.
 */
export type EvictionHandler = (
  memory: SharedMemory,
  offset: number,
  token: number,
) => Record<string, number>;

/** Handlers by type, filled when the module of each structure is loaded. */
export const evictionHandlers: Map<number, EvictionHandler> = new Map();

/** What `owner` in the header of a live block says: nobody but its `destroy` frees the block. */
const MEMBER_MARK = 0x4d454d42;

/** Whether a live block is a member. */
export function isMember(u32: Uint32Array, block: number): boolean {
  return BLOCK.owner.get(u32, block) === MEMBER_MARK;
}

/** Adds a member. */
export function linkMember(store: Store, offset: number, type: number): void {
  store.put(BLOCK.owner.index(offset - BLOCK_HEADER), MEMBER_MARK);
  store.put(MEMBER.type.index(offset), type);
  store.put(MEMBER.next.index(offset), HEADER.members.get(store.u32, 0));
  store.commit(HEADER.members.index(0), offset);
}

/**
 * Takes a member out.
 *
 * @throws {RcuError} `INVALID_POINTER` if it is not in the list.
 */
export function unlinkMember(store: Store, offset: number): void {
  const { u32 } = store;
  let link = HEADER.members.index(0);
  while (u32[link] !== offset) {
    if (u32[link] === 0) {
      throw new RcuError("INVALID_POINTER", {
        action: "unregister",
        offset,
        reason: "it is not registered",
      });
    }
    link = MEMBER.next.index(u32[link]!);
  }
  store.commit(link, MEMBER.next.get(u32, offset));
  store.put(BLOCK.owner.index(offset - BLOCK_HEADER), 0);
}

/** Lists the members. */
export function members(u32: Uint32Array): { offset: number; type: number }[] {
  const found: { offset: number; type: number }[] = [];
  for (
    let offset = HEADER.members.get(u32, 0);
    offset !== 0;
    offset = MEMBER.next.get(u32, offset)
  ) {
    found.push({ offset, type: MEMBER.type.get(u32, offset) });
  }
  return found;
}
