import type { Arena } from "@guestmem/rcu";
import { waitAsync } from "@guestmem/rcu/internal";

/** How long one wait lasts; it is only a bound on a wake-up that cannot be missed. */
const NAP_MS = 1000;

/**
 * An event that any context signals and one handles, without waiting for one another: what an
 * eventfd is to KVM's ioeventfds. Signals add up until they are taken.
 *
 * Given to {@linkcode MemoryRegion.addEventfd}, it makes the writes that match **posted** ones: the
 * writing worker counts the event up and goes on, and no callback runs.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { EventNotifier } from "@guestmem/flatview";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 16 });
 * const kick = EventNotifier.create(arena);
 * EventNotifier.attach(arena, kick.offset).signal(); // in any worker
 * kick.signal();
 * assertEquals([kick.take(), kick.take()], [2, 0]);
 * ```
 */
export class EventNotifier {
  /** Where it lies in the arena; what other contexts attach with. */
  readonly offset: number;
  readonly #arena: Arena;

  private constructor(arena: Arena, offset: number) {
    this.#arena = arena;
    this.offset = offset;
  }

  /**
   * Allocates one. Free its block with `arena.free(offset)` a grace period after the last region has
   * let go of it.
   *
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: Arena): EventNotifier {
    return new EventNotifier(arena, arena.allocate(4));
  }

  /** The one at `offset`, which another context created. */
  static attach(arena: Arena, offset: number): EventNotifier {
    return new EventNotifier(arena, offset);
  }

  /** Signals it once. Never waits; may be called inside a section. */
  signal(): void {
    Atomics.add(this.#arena.i32, this.offset >>> 2, 1);
    Atomics.notify(this.#arena.i32, this.offset >>> 2);
  }

  /** Takes all signals. What was written before each of them is visible then. */
  take(): number {
    return Atomics.exchange(this.#arena.i32, this.offset >>> 2, 0) >>> 0;
  }

  /**
   * Handles signals from this context's event loop, and keeps the process alive meanwhile.
   *
   * @param handle Gets how often it was signalled since the last time. What it throws is an unhandled
   * rejection of this context.
   * @returns A function that ends it.
   */
  onSignal(handle: (count: number) => void): () => void {
    const end = new AbortController();
    const loop = async () => {
      while (!end.signal.aborted) {
        const count = this.take();
        if (count > 0) handle(count);
        await waitAsync(this.#arena.i32, this.offset >>> 2, 0, NAP_MS, end.signal);
      }
    };
    loop();
    return () => end.abort();
  }
}
