/**
 * Members: structures in the arena that need repair when a context dies. Each is a live block whose
 * first two words belong to this module. The list of them needs no lock, so that no death holds it up.
 *
 * Who looks at members that another context may destroy pins them meanwhile: their blocks are freed
 * once nobody pins them. `kernel/members.as.ts` says why that is enough.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { MEMBER_MARK } from "../kernel/heap/layouts.ts";
import { CHUNK, REGISTRY } from "../kernel/layouts.ts";
import { defineLayout } from "../layout/layout.ts";
import type { SharedMemory } from "./allocator.ts";
import type { Contexts } from "./contexts.ts";
import { HEADER } from "./header.ts";
import type { Heap } from "./heap.ts";

/** The words at the start of a member's block that belong to the arena. */
export const MEMBER = defineLayout({
  /** Its entry in the list. */
  entry: "u32",
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
 * What a type of members does when a context is expelled or evicted. Both may be called several times
 * for one context, also by several others at once, and must not wait.
 */
export interface EvictionHandler {
  /**
   * The context was told to stop, and may still run: wakes its waits, so that they notice.
   *
   * @param memory The arena's memory.
   * @param offset The member.
   * @param token The context.
   */
  expel?(memory: SharedMemory, offset: number, token: number): void;
  /**
   * The context runs no more: repairs what it left behind.
   *
   * @param memory The arena, as the context that evicts has attached to it.
   * @param offset The member.
   * @param token The context.
   * @returns How many things of each name it repaired; an eviction adds them up over all members.
   */
  evict(memory: SharedMemory, offset: number, token: number): Record<string, number>;
}

/** Handlers by type, filled when the module of each structure is loaded. */
export const evictionHandlers: Map<number, EvictionHandler> = new Map();

/** An arena as far as its members need it. */
interface Blocks extends SharedMemory {
  allocate(bytes: number): number;
  free(offset: number): void;
}

/** A member's place in the list. */
interface Entry {
  readonly entry: number;
  readonly offset: number;
  readonly above: number;
}

/** Address of the list. */
const LIST = HEADER.registry.at(0);

/** The members of an arena, as one context sees them. */
export class Members {
  readonly #kernel: Kernel;
  readonly #blocks: Blocks;
  readonly #heap: Heap;
  readonly #contexts: Contexts;
  #depth = 0;

  /**
   * @param blocks The arena.
   * @param heap Its heap.
   * @param contexts Its context table.
   */
  constructor(blocks: Blocks, heap: Heap, contexts: Contexts) {
    this.#heap = heap;
    this.#kernel = instantiateKernel(blocks.memory);
    this.#blocks = blocks;
    this.#contexts = contexts;
  }

  /**
   * Adds a member.
   *
   * @param offset A block: live, or pending, and then it is live from now on.
   * @param type Its type.
   */
  add(offset: number, type: number): void {
    const { u32 } = this.#blocks;
    this.#heap.mark(offset, MEMBER_MARK);
    this.#kernel.store32(MEMBER.type.at(offset), type);
    for (;;) {
      const entry = this.#kernel.addMember(LIST, offset) >>> 0;
      MEMBER.entry.set(u32, offset, entry);
      if (entry !== 0) return this.#heap.publish(offset, this.#heap.token);
      this.#extend();
    }
  }

  /**
   * Takes a member out and frees its block, at once or when nobody pins the members any more.
   *
   * @throws {RcuError} `INVALID_POINTER` if it is not in the list.
   */
  remove(offset: number): void {
    const entry = MEMBER.entry.get(this.#blocks.u32, offset);
    if (entry === 0 || this.#kernel.retireMember(LIST, entry, offset) === 0) {
      const reason = "it is not registered";
      throw new RcuError("INVALID_POINTER", { action: "unregister", offset, reason });
    }
    // So that old handles are refused.
    this.#kernel.store32(MEMBER.type.at(offset), 0);
    this.#sweep();
  }

  /** Runs `look`, during which no member's block is freed. It must not wait. */
  pinned<T>(look: () => T): T {
    if (this.#depth++ === 0) this.#contexts.pin(1);
    try {
      return look();
    } finally {
      if (--this.#depth === 0) {
        this.#contexts.pin(-1);
        if (this.#kernel.load32(REGISTRY.retired.at(LIST)) !== 0) this.#sweep();
      }
    }
  }

  /** Calls a function for each member, with the members pinned. */
  forEach(call: (offset: number, type: number) => void): void {
    this.pinned(() => {
      for (const { offset, above } of this.#entries()) {
        if (above % 2 === 0) call(offset, this.#kernel.load32(MEMBER.type.at(offset)) >>> 0);
      }
    });
  }

  /** Gives up what this context holds in the members, as it leaves. */
  leave(memory: SharedMemory, token: number): void {
    this.forEach((offset, type) => evictionHandlers.get(type)?.evict(memory, offset, token));
  }

  /** Frees the blocks of members that were removed, unless somebody pins the members. */
  #sweep(): void {
    if (!this.#contexts.isAttached()) return;
    // First: who removes another after this stores 1 again.
    this.#kernel.store32(REGISTRY.retired.at(LIST), 0);
    for (const { entry, offset, above } of this.#entries()) {
      if (above % 2 === 0) continue;
      if (this.#contexts.isPinned()) {
        this.#kernel.store32(REGISTRY.retired.at(LIST), 1);
        return;
      }
      if (this.#kernel.dropMember(entry, offset, above) === 0) continue;
      this.#heap.mark(offset, 0);
      this.#blocks.free(offset);
    }
  }

  *#entries(): Generator<Entry> {
    for (const chunk of this.#chunks()) {
      for (let index = 0; index < CHUNK.entries.length; index++) {
        const entry = CHUNK.entries.at(chunk, index);
        const offset = this.#kernel.pairLoad(entry) >>> 0;
        if (offset !== 0) yield { entry, offset, above: this.#kernel.pairSecond() >>> 0 };
      }
    }
  }

  *#chunks(): Generator<number> {
    let chunk = REGISTRY.chunk.at(LIST);
    for (; chunk !== 0; chunk = this.#kernel.load32(CHUNK.next.at(chunk)) >>> 0) yield chunk;
  }

  /** Adds a chunk at the end of the list. */
  #extend(): void {
    const chunk = this.#blocks.allocate(CHUNK.size);
    for (const last of this.#chunks()) {
      if (this.#kernel.compareExchange32(CHUNK.next.at(last), 0, chunk) === 0) return;
    }
  }
}
