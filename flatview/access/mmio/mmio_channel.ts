import type { Arena } from "@guestmem/rcu";
import { destroyMember, evictionHandlers, registerMember } from "@guestmem/rcu/internal";
import { FlatViewError } from "../../errors/flat_view_error.ts";
import { CHANNEL, CHANNEL_TYPE, channelBytes, MAX_ENDPOINTS } from "./channel_structs.ts";
import { depart } from "./departure.ts";

/** What another context attaches with. Structured-cloneable. */
export interface MmioChannelHandle {
  /** Distinguishes it from other handles. */
  readonly kind: "guestmem-mmio-channel";
  /** Id of the arena. */
  readonly arena: string;
  /** Offset of the channel. */
  readonly offset: number;
}

// Without it, a context that waits for a dead one would wait forever. Requests to one that is told to
// stop fail as well: it answers no more.
evictionHandlers.set(CHANNEL_TYPE, {
  expel: (arena, offset, token) => depart(arena.i32, offset, token),
  evict(arena, offset, token) {
    depart(arena.i32, offset, token);
    return {};
  },
});

/**
 * Carries accesses to devices whose callbacks live in another context, as an exit to user space does
 * for KVM. The worker that accesses waits, outside every section; the context that owns the device
 * serves the access from its event loop, or from its own loop.
 *
 * Create one for an arena, attach to it in every worker, and pass it to each worker's `MemoryAccess`.
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
   * @param options How many contexts can take part at once: 1 to 128; 16 by default.
   * @throws {RangeError} If that number is out of range.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: Arena, options: { readonly contexts?: number } = {}): MmioChannel {
    const { contexts = 16 } = options;
    if (!Number.isInteger(contexts) || contexts < 1 || contexts > MAX_ENDPOINTS) {
      throw new RangeError(
        `Cannot create an MMIO channel for ${contexts} contexts: 1 to ${MAX_ENDPOINTS} fit`,
      );
    }
    const offset = arena.allocate(channelBytes(contexts), CHANNEL.alignment);
    CHANNEL.endpoints.set(arena.u32, offset, contexts);
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
   * @throws {FlatViewError} `FOREIGN_MMIO_CHANNEL` if the handle is not that of a channel in this arena.
   */
  static attach(arena: Arena, handle: MmioChannelHandle): MmioChannel {
    const fits = handle?.kind === "guestmem-mmio-channel" && handle.arena === arena.handle.id &&
      CHANNEL.type.get(arena.u32, handle.offset) === CHANNEL_TYPE;
    if (!fits) throw new FlatViewError("FOREIGN_MMIO_CHANNEL", { arena: arena.handle.id });
    return new MmioChannel(arena, handle);
  }

  /** Frees the channel. No context may use it any more. */
  destroy(): void {
    destroyMember(this.arena, this.handle.offset);
  }
}
