/**
 * A list in the arena that readers walk while a writer changes it.
 *
 * @module
 */

import type { Arena } from "../arena/arena.ts";
import type { ReadGuard } from "../domain/section.ts";
import { RcuError } from "../errors/rcu_error.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** Bytes at the start of each node that belong to the list: its next and its previous node. */
export const LIST_NODE_BYTES = 8;

/**
 * An intrusive doubly linked list: a node is an arena block whose first two words are the list's.
 * Readers follow the forward links inside a section and are never stopped. Writers hold a lock of
 * their own; a removed node keeps its forward link, so a reader that stands on it walks on, and it
 * is freed after a grace period.
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
 * const section = reader.lock();
 * for (let node = list.first(section); node !== 0; node = list.next(section, node)) {
 *   seen.push(arena.u32[node / 4 + 2]!);
 * }
 * section.unlock();
 * assertEquals(seen, [1, 2, 3]);
 * ```
 */
export class RcuList {
  /** Where the list's head lies; what `attach` takes. */
  readonly offset: number;
  #arena: Arena;
  #kernel: Kernel;

  private constructor(arena: Arena, offset: number) {
    this.offset = offset;
    this.#arena = arena;
    this.#kernel = arena.kernel;
  }

  /**
   * Allocates an empty list.
   *
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: Arena): RcuList {
    const list = new RcuList(arena, arena.allocate(LIST_NODE_BYTES));
    list.#link(list.offset, list.offset);
    return list;
  }

  /**
   * The list at `offset`.
   *
   * @param offset The `offset` of a list that `create` made.
   */
  static attach(arena: Arena, offset: number): RcuList {
    return new RcuList(arena, offset);
  }

  /** Makes `node` the first. The caller holds the writers' lock; the node's content is in place. */
  insertHead(node: number): void {
    this.insertAfter(this.offset, node);
  }

  /** Makes `node` the last. The caller holds the writers' lock; the node's content is in place. */
  insertTail(node: number): void {
    this.insertAfter(this.#arena.u32[(this.offset >>> 2) + 1]!, node);
  }

  /**
   * Puts `node` behind `before`, which is in the list. The caller holds the writers' lock.
   *
   * @throws {RcuError} `LIST_NODE`: if `node` is in a list, or `before` is not; nothing is changed.
   */
  insertAfter(before: number, node: number): void {
    const { u32 } = this.#arena;
    if (node === 0) {
      throw new RcuError("LIST_NODE", { action: "insert", node, reason: "it is null" });
    }
    if (u32[(node >>> 2) + 1] !== 0) {
      throw new RcuError("LIST_NODE", { action: "insert", node, reason: "it is in a list" });
    }
    this.#requireLinked("insert a node behind", before);
    const after = this.#kernel.load32(before) >>> 0;
    u32[(node >>> 2) + 1] = before;
    this.#kernel.store32(node, after);
    u32[(after >>> 2) + 1] = node;
    // The one store that readers notice. The node is complete by now, and this store publishes it.
    this.#kernel.store32(before, node);
  }

  /**
   * Unlinks `node`. The caller holds the writers' lock, and frees the node after a grace period:
   * readers may stand on it, and follow its forward link.
   *
   * @throws {RcuError} `LIST_NODE`: if the node is in no list, or is the list itself; nothing is changed.
   */
  remove(node: number): void {
    if (node === this.offset) {
      throw new RcuError("LIST_NODE", { action: "remove", node, reason: "it is the list's head" });
    }
    this.#requireLinked("remove", node);
    const { u32 } = this.#arena;
    const before = u32[(node >>> 2) + 1]!;
    const after = this.#kernel.load32(node) >>> 0;
    u32[(after >>> 2) + 1] = before;
    this.#kernel.store32(before, after);
    u32[(node >>> 2) + 1] = 0;
  }

  /**
   * The first node, or 0.
   *
   * @param section An open section of the domain whose grace periods protect the nodes.
   * @returns A node that is valid until the outermost section ends.
   * @throws {RcuError} `SECTION_CLOSED`: in debug mode, if the section is over.
   */
  first(section: ReadGuard): number {
    return this.next(section, this.offset);
  }

  /**
   * The node behind `node`, or 0. `node` may have been removed since it was found.
   *
   * @param section The section in which `node` was found.
   * @param node A node that was found in this section.
   * @returns A node that is valid until the outermost section ends.
   * @throws {RcuError} `SECTION_CLOSED`: in debug mode, if the section is over.
   */
  next(section: ReadGuard, node: number): number {
    if (this.#arena.debug && !section.open) {
      throw new RcuError("SECTION_CLOSED", { action: "walk a list" });
    }
    const next = this.#kernel.load32(node) >>> 0;
    return next === this.offset ? 0 : next;
  }

  #link(before: number, after: number): void {
    this.#kernel.store32(before, after);
    this.#arena.u32[(after >>> 2) + 1] = before;
  }

  #requireLinked(action: string, node: number): void {
    if (node === 0 || this.#arena.u32[(node >>> 2) + 1] === 0) {
      throw new RcuError("LIST_NODE", { action, node, reason: "it is in no list" });
    }
  }
}
