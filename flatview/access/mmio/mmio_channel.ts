import type { Arena } from "@guestmem/rcu";
import { evictionHandlers, registerMember, unregisterMember } from "@guestmem/rcu/internal";
import {
  CHANNEL_HEADER_BYTES,
  CHANNEL_TYPE,
  ChannelWord,
  DEPARTED,
  mailAt,
  MailState,
  MailWord,
  MAX_DEPTH,
  MAX_STATIONS,
  STATION_BYTES,
  stationAt,
  StationWord,
} from "./channel_structs.ts";
import { FlatViewError } from "../../errors/flat_view_error.ts";

/** What another context attaches with. Structured-cloneable. */
export interface MmioChannelHandle {
  /** Tells it from other handles. */
  readonly kind: "guestmem-mmio-channel";
  /** Id of the arena. */
  readonly arena: string;
  /** Where it lies. */
  readonly offset: number;
}

// Without it, those who wait for a dead context would wait for ever.
evictionHandlers.set(CHANNEL_TYPE, (arena, offset, token) => ({
  mmioRequests: departFrom(arena.i32, offset, token),
}));

/**
 * Carries accesses to devices whose callbacks live in another context, there and back: what an exit
 * to user space is to KVM. The worker that accesses waits, outside every section; the context that
 * owns the device serves from its event loop, or from a loop of its own.
 *
 * Create one for an arena, attach it in every worker, and give it to each worker's `MemoryAccess`.
 */
export class MmioChannel {
  /** What another context attaches with. */
  readonly handle: MmioChannelHandle;
  /** The arena, as this context attached to it. */
  readonly arena: Arena;

  private constructor(arena: Arena, handle: MmioChannelHandle) {
    this.arena = arena;
    this.handle = handle;
  }

  /**
   * Creates a channel.
   *
   * @param options How many contexts can take part at once: up to 128, 16 unless given.
   * @throws {RangeError} If that is no number of contexts.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: Arena, options: { readonly contexts?: number } = {}): MmioChannel {
    const { contexts = 16 } = options;
    if (!Number.isInteger(contexts) || contexts < 1 || contexts > MAX_STATIONS) {
      throw new RangeError(
        `Cannot create an MMIO channel for ${contexts} contexts: 1 to ${MAX_STATIONS} fit`,
      );
    }
    const offset = arena.allocate(CHANNEL_HEADER_BYTES + contexts * STATION_BYTES, 64);
    arena.u32[(offset >>> 2) + ChannelWord.STATIONS] = contexts;
    registerMember(arena, offset, CHANNEL_TYPE);
    return new MmioChannel(arena, {
      kind: "guestmem-mmio-channel",
      arena: arena.handle.id,
      offset,
    });
  }

  /**
   * Attaches this context to a channel that another one created.
   *
   * @throws {FlatViewError} `FOREIGN_MMIO_CHANNEL` if the handle names none of this arena.
   */
  static attach(arena: Arena, handle: MmioChannelHandle): MmioChannel {
    const fits = handle?.kind === "guestmem-mmio-channel" && handle.arena === arena.handle.id &&
      arena.u32[(handle.offset >>> 2) + ChannelWord.TYPE] === CHANNEL_TYPE;
    if (!fits) {
      throw new FlatViewError("FOREIGN_MMIO_CHANNEL", { arena: arena.handle.id });
    }
    return new MmioChannel(arena, handle);
  }

  /** Frees it. No context may use it any more. */
  destroy(): void {
    unregisterMember(this.arena, this.handle.offset);
    this.arena.free(this.handle.offset);
  }
}

/**
 * Marks a context as gone and fails what others have asked of it.
 *
 * No request is missed: the token goes first, and a poster looks at it after it has posted. If its
 * look comes before the token goes, its request was posted before, and is found here.
 *
 * @returns How many requests failed.
 */
export function departFrom(i32: Int32Array, channel: number, token: number): number {
  const stations = i32[(channel >>> 2) + ChannelWord.STATIONS]!;
  let failed = 0;
  for (let target = 0; target < stations; target++) {
    const at = stationAt(channel, target) + StationWord.TOKEN;
    if (Atomics.compareExchange(i32, at, token, DEPARTED) !== token) continue;
    for (let from = 0; from < stations; from++) failed += failMail(i32, channel, from, target);
    ring(i32, stationAt(channel, target)); // if it lives after all, and waits, it is told
  }
  return failed;
}

/** Fails the requests of one station to another. */
function failMail(i32: Int32Array, channel: number, from: number, target: number): number {
  const station = stationAt(channel, from);
  let failed = 0;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const mail = mailAt(station, depth);
    const word = Atomics.load(i32, mail + MailWord.STATE);
    const state = word & 7;
    const isOpen = state === MailState.POSTED || state === MailState.SERVING;
    if (!isOpen || i32[mail + MailWord.TARGET] !== target) continue;
    const gone = word & ~7 | MailState.GONE;
    // A served request may be completed by a context that was only thought dead.
    if (Atomics.compareExchange(i32, mail + MailWord.STATE, word, gone) !== word) continue;
    failed++;
  }
  if (failed > 0) ring(i32, station);
  return failed;
}

/** Wakes a station's context. */
export function ring(i32: Int32Array, station: number): void {
  Atomics.add(i32, station + StationWord.DOORBELL, 1);
  Atomics.notify(i32, station + StationWord.DOORBELL);
}
