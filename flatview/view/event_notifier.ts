import type { BlockAllocator, SharedMemory } from "@guestmem/rcu";
import { waitAsync } from "@guestmem/rcu/internal";
import { defineLayout } from "@guestmem/rcu/layout";

/** What workers share of an event. */
export const EVENT_WORD = defineLayout({
  /** Signals that were not taken yet. Any context adds, the handler takes all, both atomically. */
  signals: "i32",
});

/** How long one wait lasts: only a bound, since no wake-up can be missed. */
const NAP_MS = 1000;

/**
 * An event that any context can signal and one context handles; neither waits for the other. It is
 * what an eventfd is to KVM's ioeventfds. Signals add up until they are taken.
 *
 * A write that matches an ioeventfd with such an event ({@linkcode MemoryRegion.addEventfd}) is
 * **posted**: the writing worker counts the event up and goes on, and no callback runs.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { EventNotifier } from "@guestmem/flatview";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 16 });
 * const doorbell = EventNotifier.create(arena);
 * EventNotifier.attach(arena, doorbell.offset).signal(); // in any worker
 * doorbell.signal();
 * assertEquals([doorbell.take(), doorbell.take()], [2, 0]);
 * ```
 */
export class EventNotifier {
  /** Where it lies in the arena; what other contexts attach with. */
  readonly offset: number;
  readonly #i32: Int32Array;
  readonly #signals: number;

  private constructor(i32: Int32Array, offset: number) {
    this.#i32 = i32;
    this.offset = offset;
    this.#signals = EVENT_WORD.signals.index(offset);
  }

  /**
   * Allocates one. Free its block with `memory.free(offset)` a grace period after the last region has
   * let go of it.
   *
   * @param memory The arena.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(memory: BlockAllocator): EventNotifier {
    return new EventNotifier(memory.i32, memory.allocate(EVENT_WORD.size));
  }

  /**
   * Attaches to one that another context created.
   *
   * @param memory The arena.
   * @param offset The notifier's `offset`.
   */
  static attach(memory: Pick<SharedMemory, "i32">, offset: number): EventNotifier {
    return new EventNotifier(memory.i32, offset);
  }

  /** Signals the event once. Never waits; may be called inside a read-side section. */
  signal(): void {
    Atomics.add(this.#i32, this.#signals, 1);
    Atomics.notify(this.#i32, this.#signals);
  }

  /**
   * Takes all signals. Whatever their senders wrote before is visible afterwards.
   *
   * @returns How many there were since the last time.
   */
  take(): number {
    return Atomics.exchange(this.#i32, this.#signals, 0) >>> 0;
  }

  /**
   * Handles signals from this context's event loop, and keeps the process alive until it is ended.
   *
   * @param handle Gets the number of signals since the last call. What it throws is an unhandled
   * rejection of this context.
   * @returns A function that ends it.
   */
  onSignal(handle: (count: number) => void): () => void {
    const end = new AbortController();
    const loop = async () => {
      while (!end.signal.aborted) {
        const count = this.take();
        if (count > 0) handle(count);
        await waitAsync(this.#i32, this.#signals, 0, NAP_MS, end.signal);
      }
    };
    loop();
    return () => end.abort();
  }
}
