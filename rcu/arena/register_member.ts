/**
 * Adding structures to the arena's list of members, and taking them out.
 *
 * @module
 */

import { type Arena, coreOf } from "./arena.ts";
import { linkMember, unlinkMember } from "./members.ts";

/**
 * Adds a structure whose {@linkcode EvictionHandler} is to run when a context is evicted.
 *
 * @param arena The arena, as this context attached to it.
 * @param offset A live block whose first two words are left to the arena.
 * @param type Its type: the key of its handler in `evictionHandlers`.
 */
export function registerMember(arena: Arena, offset: number, type: number): void {
  const core = coreOf(arena);
  core.locked(() => linkMember(core.heap.store, offset, type));
}

/**
 * Takes out what {@linkcode registerMember} added; its block may be freed then.
 *
 * @param arena The arena, as this context attached to it.
 * @param offset The block.
 * @throws {RcuError} `INVALID_POINTER`: it is not registered.
 */
export function unregisterMember(arena: Arena, offset: number): void {
  const core = coreOf(arena);
  core.locked(() => unlinkMember(core.heap.store, offset));
}
