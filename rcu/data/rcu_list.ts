/**
 * A list in the arena that readers walk while a writer changes it.
 *
 * @module
 */

import type { BlockAllocator, SharedMemory } from "../arena/allocator.ts";
import { RcuError } from "../errors/rcu_error.ts";
import type { ReadGuard } from "../grace_period/read_guard.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { defineLayout } from "../layout/layout.ts";

/** The words at the start of each node that belong to the list. */
const NODE = defineLayout({
  /** Next node; the last node's is the list's head. Atomic: readers follow it. */
  next: "u32",
  /** Previous node, 0 if the node is in no list: writers only. */
  previous: "u32",
});

/** Offset of a node's link to the next: a constant, for the loop of a walk. */
const NEXT = NODE.next.offset;

/**
 * An intrusive doubly linked list: a node is an arena block whose first two words are the list's.
 * Readers follow the forward links inside a section and never wait. Writers exclude one another with
 * a lock; if one of them dies in the middle of a change, the list is as before or after it, and the
 * next writer goes on. A removed node keeps its forward link, so a reader that is on it walks on; the node is freed
 * after a grace period.
 *
 * The algorithm is that of Linux's `rculist.h`.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain, RcuList } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const reader = domain.register();
 * const list = RcuList.create(arena);
 * for (const value of [1, 2, 3]) {
 *   const node = arena.allocate(16);
 *   arena.u32[node / 4 + 2] = value;
 *   list.insertTail(node);
 * }
 *
 * const seen: number[] = [];
 * const guard = reader.lock();
 * for (let node = list.first(guard); node !== 0; node = list.next(guard, node)) {
 *   seen.push(arena.u32[node / 4 + 2]!);
 * }
 * guard.unlock();
 * assertEquals(seen, [1, 2, 3]);
 * ```
 */
export class RcuList {
  /** Bytes at the start of each node that belong to the list. */
  static readonly NODE_BYTES: number = NODE.size;
  /** Where the list's head lies; what `attach` takes. */
  readonly offset: number;
  #memory: SharedMemory;
  #kernel: Kernel;

  private constructor(memory: SharedMemory, offset: number) {
    this.offset = offset;
    this.#memory = memory;
    this.#kernel = instantiateKernel(memory.memory);
  }

  /**
   * Allocates an empty list.
   *
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: BlockAllocator): RcuList {
    const list = new RcuList(arena, arena.allocate(NODE.size));
    list.#link(list.offset, list.offset);
    return list;
  }

  /**
   * The list at `offset`.
   *
   * @param offset The `offset` of a list that `create` made.
   */
  static attach(memory: SharedMemory, offset: number): RcuList {
    return new RcuList(memory, offset);
  }

  /** Makes `node` the first. The caller holds the writers' lock; the node's content is in place. */
  insertHead(node: number): void {
    this.insertAfter(this.offset, node);
  }

  /** Makes `node` the last. The caller holds the writers' lock; the node's content is in place. */
  insertTail(node: number): void {
    this.insertAfter(this.#before(this.offset), node);
  }

  /**
   * Inserts `node` after `before`, which is in the list. The caller holds the writers' lock.
   *
   * @throws {RcuError} `LIST_NODE` if `node` is in a list, or `before` is not; nothing is changed. That
   * `before` is in another list is found in debug mode only, by a walk of that list.
   */
  insertAfter(before: number, node: number): void {
    const { u32 } = this.#memory;
    if (node === 0) {
      throw new RcuError("LIST_NODE", { action: "insert", node, reason: "it is null" });
    }
    if (NODE.previous.get(u32, node) !== 0) {
      throw new RcuError("LIST_NODE", { action: "insert", node, reason: "it is in a list" });
    }
    this.#requireLinked("insert a node after", before);
    const after = this.#kernel.load32(NODE.next.at(before)) >>> 0;
    if (NODE.previous.get(u32, after) !== before) this.#mend();
    NODE.previous.set(u32, node, before);
    this.#kernel.store32(NODE.next.at(node), after);
    // The only store that readers notice: the node is complete, and this store publishes it. Before
    // the back link: that names no node that a writer's death has kept from the list.
    this.#kernel.store32(NODE.next.at(before), node);
    NODE.previous.set(u32, after, node);
  }

  /**
   * Unlinks `node`. The caller holds the writers' lock, and frees the node after a grace period:
   * readers may be on it, and follow its forward link.
   *
   * @throws {RcuError} `LIST_NODE` if the node is in no list, or is the list itself; nothing is
   * changed. That it is in another list is found in debug mode only, by a walk of that list.
   */
  remove(node: number): void {
    if (node === this.offset) {
      throw new RcuError("LIST_NODE", { action: "remove", node, reason: "it is the list's head" });
    }
    this.#requireLinked("remove", node);
    const { u32 } = this.#memory;
    const before = this.#before(node);
    // The back link first: it names no node that is in the list no more.
    const after = this.#kernel.load32(NODE.next.at(node)) >>> 0;
    NODE.previous.set(u32, after, before);
    this.#kernel.store32(NODE.next.at(before), after);
    NODE.previous.set(u32, node, 0);
  }

  /**
   * The first node, or 0.
   *
   * @param guard An open guard of the domain whose grace periods protect the nodes.
   * @returns A node that is valid until the outermost section ends.
   * @throws {RcuError} `SECTION_CLOSED` in debug mode, the section is over.
   */
  first(guard: ReadGuard): number {
    return this.next(guard, this.offset);
  }

  /**
   * The node after `node`, or 0. `node` may have been removed since it was found.
   *
   * @param guard The guard of the section in which `node` was found.
   * @param node A node that was found in this section.
   * @returns A node that is valid until the outermost section ends.
   * @throws {RcuError} `SECTION_CLOSED` in debug mode, the section is over.
   */
  next(guard: ReadGuard, node: number): number {
    if (this.#memory.debug && !guard.open) {
      throw new RcuError("SECTION_CLOSED", { action: "walk a list" });
    }
    const next = this.#kernel.load32(node + NEXT) >>> 0;
    return next === this.offset ? 0 : next;
  }

  /**
   * The node before a node that is in the list.
   *
   * @throws {RcuError} `LIST_NODE` if a writer died after it had unlinked the node.
   */
  #before(node: number): number {
    for (let mended = false;; mended = true) {
      const before = NODE.previous.get(this.#memory.u32, node);
      if (this.#kernel.load32(NODE.next.at(before)) >>> 0 === node) return before;
      if (mended) {
        throw new RcuError("LIST_NODE", { action: "remove", node, reason: "it is in no list" });
      }
      this.#mend();
    }
  }

  /**
   * Sets the back links anew, from the forward links, after a writer died between two stores. Each
   * change has one store that readers notice, to a forward link: the list is what those say.
   */
  #mend(): void {
    const { u32 } = this.#memory;
    let before = this.offset;
    do {
      const node = this.#kernel.load32(NODE.next.at(before)) >>> 0;
      NODE.previous.set(u32, node, before);
      before = node;
    } while (before !== this.offset);
  }

  #link(before: number, after: number): void {
    this.#kernel.store32(NODE.next.at(before), after);
    NODE.previous.set(this.#memory.u32, after, before);
  }

  #requireLinked(action: string, node: number): void {
    if (node === 0 || NODE.previous.get(this.#memory.u32, node) === 0) {
      throw new RcuError("LIST_NODE", { action, node, reason: "it is in no list" });
    }
    if (this.#memory.debug && !this.#reaches(node)) {
      throw new RcuError("LIST_NODE", { action, node, reason: "it is in another list" });
    }
  }

  /** Whether this list's head is in the circle of a linked node. */
  #reaches(node: number): boolean {
    let at = node;
    do {
      if (at === this.offset) return true;
      at = this.#kernel.load32(NODE.next.at(at)) >>> 0;
    } while (at !== node);
    return false;
  }
}
