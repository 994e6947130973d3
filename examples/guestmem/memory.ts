import { Arena, RcuDomain } from "@guestmem/rcu";

/** The shared memory of one run of a command. */
export interface CommandMemory {
  readonly arena: Arena;
  readonly domain: RcuDomain;
}

/** Address space, reserved at once; pages are committed when they are touched. */
const ARENA_BYTES = 1 << 28;

/** Creates the arena and the domain in which a command publishes machines. */
export function createMemory(): CommandMemory {
  const arena = Arena.create({ bytes: ARENA_BYTES, label: "guestmem" });
  return { arena, domain: RcuDomain.create(arena, { label: "guestmem" }) };
}
