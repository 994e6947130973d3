/**
 * Members: structures in the arena that something has to be done about when a context dies. Each is
 * a live block whose first two words are the link of a list and its type; the list's head is in the
 * arena's header. Writers and walkers hold the arena's lock.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import type { Arena } from "./arena.ts";
import { Word } from "./layout.ts";
import type { Store } from "./store.ts";

/** Words of a member's head. */
export const Member = {
  /** Next member, 0 at the end. */
  LINK: 0,
  /** What it is; doubles as its magic number. */
  TYPE: 1,
} as const;

/** Types of members. */
export const MemberType = {
  MUTEX: 0x4d555458,
  DOMAIN: 0x52435544,
  SRCU: 0x53524355,
} as const;

/**
 * What is done about one member when a context was evicted.
 *
 * Runs under the arena's lock, so it must neither allocate, free nor defer, and it must not wait.
 *
 * @param arena The arena, in the context that evicts
 * @param offset The member
 * @param token The evicted context
 * @returns What was done, by name; added up over all members
 */
export type EvictionHandler = (
  arena: Arena,
  offset: number,
  token: number,
) => Record<string, number>;

/** Handlers by type, filled when the module of each structure is loaded. */
export const evictionHandlers: Map<number, EvictionHandler> = new Map();

/** Adds a member. */
export function linkMember(store: Store, offset: number, type: number): void {
  store.put(offset / 4 + Member.TYPE, type);
  store.put(offset / 4 + Member.LINK, store.u32[Word.MEMBERS]!);
  store.commit(Word.MEMBERS, offset);
}

/**
 * Takes a member out.
 *
 * @throws {RcuError} `INVALID_POINTER`: if it is not in the list
 */
export function unlinkMember(store: Store, offset: number): void {
  const { u32 } = store;
  let link: number = Word.MEMBERS;
  while (u32[link] !== offset) {
    if (u32[link] === 0) {
      throw new RcuError("INVALID_POINTER", {
        action: "unregister",
        offset,
        reason: "it is not registered",
      });
    }
    link = u32[link]! / 4 + Member.LINK;
  }
  store.commit(link, u32[offset / 4 + Member.LINK]!);
}

/** Lists the members. */
export function members(u32: Uint32Array): { offset: number; type: number }[] {
  const found: { offset: number; type: number }[] = [];
  for (let offset = u32[Word.MEMBERS]!; offset !== 0; offset = u32[offset / 4 + Member.LINK]!) {
    found.push({ offset, type: u32[offset / 4 + Member.TYPE]! });
  }
  return found;
}
