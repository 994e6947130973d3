/**
 * Adding structures to the arena's list of members, and taking them out.
 *
 * @module
 */

import { type Arena, coreOf } from "./arena.ts";

/**
 * Adds a structure whose handler is to run when a context is expelled or evicted.
 *
 * @param arena The arena, as this context attached to it.
 * @param offset A block whose first two words are left to the arena.
 * @param type Its type: the key of its handler in `evictionHandlers`.
 */
export function registerMember(arena: Arena, offset: number, type: number): void {
  coreOf(arena).members.add(offset, type);
}

/**
 * Takes out what {@linkcode registerMember} added, and frees its block: at once, or as soon as no other
 * context is about to look at it.
 *
 * @param arena The arena, as this context attached to it.
 * @param offset The block.
 * @throws {RcuError} `INVALID_POINTER`: it is not registered.
 */
export function destroyMember(arena: Arena, offset: number): void {
  coreOf(arena).members.remove(offset);
}

/**
 * Runs a short function, during which the block of no member is freed: for a context that looks at a
 * structure which another context may destroy.
 */
export function withMembers<T>(arena: Arena, look: () => T): T {
  return coreOf(arena).members.pinned(look);
}
