/**
 * The arena: shared memory with an allocator that several workers use at once.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import type { BlockAllocator } from "./allocator.ts";
import { CheckedView } from "./checked.ts";
import { holdLock } from "./certificate.ts";
import { type ContextInfo, Contexts } from "./contexts.ts";
import { ArenaCore } from "./core.ts";
import { certify, type EvictionReport, type Evictor, expelContexts, repairAfter } from "./evict.ts";
import {
  type ArenaGeometry,
  DEFAULT_CONTEXTS,
  geometryOf,
  HEADER,
  LAYOUT_VERSION,
  MAGIC,
} from "./header.ts";
import { Heap } from "./heap.ts";
import { Members } from "./members.ts";
import { reserve, sharedBuffer } from "./memory.ts";
import { checkBlocks } from "./quarantine.ts";
import { type ArenaStats, readStats } from "./stats.ts";
import { verify } from "./verify.ts";
import { watchContexts } from "./watch.ts";

/** What another worker attaches with. Structured-cloneable: post it. */
export interface ArenaHandle {
  /** Marks the handle of an arena. */
  readonly kind: "guestmem-arena";
  /** Version of the layout. */
  readonly version: number;
  /** Random number of the arena, in hexadecimal. */
  readonly id: string;
  /** The memory. */
  readonly memory: WebAssembly.Memory;
}

/** The inside of an arena, for this package's modules. */
export let coreOf: (arena: Arena) => ArenaCore;

/**
 * An allocator over a shared `WebAssembly.Memory`, reserved at its full size and never grown. Any
 * number of workers attach and allocate, free and defer at once. No call waits for another context, so
 * none is held up by one that is slow or dead, and all work where blocking is forbidden.
 *
 * Offsets are byte offsets into the memory, below 2^32; 0 is never a block.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 *
 * const arena = Arena.create({ bytes: 1 << 20, label: "main" });
 * const block = arena.allocate(100);
 * arena.u32[block / 4] = 42;
 * arena.free(block);
 * ```
 */
export class Arena implements BlockAllocator {
  /** The shared memory. */
  readonly memory: WebAssembly.Memory;
  /** The memory as unsigned words. */
  readonly u32: Uint32Array;
  /** The memory as signed words. */
  readonly i32: Int32Array;
  /** The memory as bytes. */
  readonly u8: Uint8Array;
  /** What another worker attaches with. */
  readonly handle: ArenaHandle;
  /** Names this context in locks and in reports; never 0, never issued twice. */
  readonly token: number;
  /** Whether freed blocks are poisoned and kept in quarantine, and blocks followed by a canary. */
  readonly debug: boolean;
  /** Loads and stores that report a use after free. */
  readonly checked: CheckedView;
  readonly #core: ArenaCore;
  /** Releases the lock that certifies this context's death. */
  readonly #releaseLock: () => void;

  static {
    coreOf = (arena) => arena.#core;
  }

  private constructor(handle: ArenaHandle, geometry: ArenaGeometry, label: string) {
    const buffer = sharedBuffer(handle.memory);
    const contexts = new Contexts(handle.memory, geometry);
    this.memory = handle.memory;
    this.handle = handle;
    this.u32 = new Uint32Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.debug = HEADER.debug.get(this.u32, 0) === 1;
    this.token = contexts.join(label);
    const heap = new Heap(handle.memory, geometry, contexts);
    this.#core = new ArenaCore(
      heap,
      contexts,
      new Members(this, heap, contexts),
      this.token,
      this.debug,
    );
    this.checked = new CheckedView(heap);
    this.#releaseLock = holdLock(handle.id, this.token, () => contexts.certify(this.token));
  }

  /**
   * Creates an arena. The memory is reserved at once; pages are committed when they are touched.
   *
   * @param options Size, contexts, label, debug mode.
   * @returns The arena, with the caller attached.
   * @throws {RcuError} `INVALID_SIZE` if the size or the number of contexts is out of range.
   * @throws {RcuError} `LABEL_TOO_LONG` if the label does not fit.
   * @throws {RcuError} `SHARED_MEMORY_UNAVAILABLE` if the host does not share memory; says what is
   * missing.
   * @throws {RcuError} `RESERVATION_REFUSED` if the host refuses this much.
   */
  static create(options: {
    /** Size of the memory in bytes, its own tables included; at most 4 GiB - 64 KiB. */
    readonly bytes: number;
    /** Contexts that can be attached at once, 64 unless given. */
    readonly contexts?: number;
    /** Label of this context, at most 63 bytes in UTF-8. */
    readonly label?: string;
    /** Poison, quarantine and canaries. */
    readonly debug?: boolean;
  }): Arena {
    const { bytes, contexts = DEFAULT_CONTEXTS, label = "", debug = false } = options;
    if (!Number.isInteger(contexts) || contexts < 1 || contexts > 4096) {
      throw new RcuError("INVALID_SIZE", {
        what: "number of contexts",
        value: contexts,
        requirement: "an integer from 1 to 4096",
      });
    }
    const memory = reserve(bytes);
    const geometry = geometryOf(memory.buffer.byteLength, contexts);
    const u32 = new Uint32Array(sharedBuffer(memory));
    const [low, high] = crypto.getRandomValues(new Uint32Array(2));
    u32[HEADER.version.index(0)] = LAYOUT_VERSION;
    u32[HEADER.idLow.index(0)] = low!;
    u32[HEADER.idHigh.index(0)] = high!;
    u32[HEADER.bytes.index(0)] = geometry.bytes;
    u32[HEADER.contexts.index(0)] = contexts;
    u32[HEADER.debug.index(0)] = debug ? 1 : 0;
    u32[HEADER.nextToken.index(0)] = 1;
    Heap.format(u32, geometry);
    const id = formatId(low!, high!);
    const arena = new Arena(
      { kind: "guestmem-arena", version: LAYOUT_VERSION, id, memory },
      geometry,
      label,
    );
    Atomics.store(u32, HEADER.magic.index(0), MAGIC);
    return arena;
  }

  /**
   * Attaches this context to an arena that another one created.
   *
   * @param handle The arena's `handle`.
   * @param options Label of this context, at most 63 bytes in UTF-8.
   * @returns The arena.
   * @throws {RcuError} `FOREIGN_HANDLE`: not an arena's handle, of another version, or not fitting
   * the memory.
   * @throws {RcuError} `LABEL_TOO_LONG` if the label does not fit.
   * @throws {RcuError} `CONTEXT_LIMIT` if as many contexts are attached as the arena was created
   * for.
   */
  static attach(handle: ArenaHandle, options: { readonly label?: string } = {}): Arena {
    return new Arena(handle, checkHandle(handle), options.label ?? "");
  }

  /**
   * Detaches this context: its readers are unregistered, and mutexes that it holds pass on as those of
   * a dead context do.
   *
   * @throws {RcuError} `READER_STATE`: a reader that this context registered is inside a section or
   * online, and would hold up grace periods for ever. Nothing changes.
   */
  close(): void {
    const { contexts, members, readers } = this.#core;
    if (contexts.isAttached()) {
      this.#core.refuseWithReaders();
      for (const reader of [...readers]) reader.unregister();
      members.leave(this, this.token);
      this.#core.abandon();
      contexts.leave(this.token);
    }
    this.#releaseLock();
  }

  /**
   * Allocates a block, without a lock. O(1) but for the zeroing, unless the arena is nearly exhausted:
   * then it frees deferred blocks whose grace period is over, and empty pages that other contexts keep.
   *
   * @param bytes Its size in bytes, at least 1.
   * @param alignment A power of two; 16 unless given, and at least.
   * @param zeroed False leaves in the block what the memory held: for callers that write all of it.
   * @returns Offset of the block.
   * @throws {ArenaExhaustedError} If there is no room.
   * @throws {RcuError} `INVALID_SIZE` if the size or the alignment is out of range.
   * @throws {EvictedError} If this context was expelled or has closed the arena.
   */
  allocate(bytes: number, alignment = 16, zeroed = true): number {
    return this.#core.allocate(bytes, alignment, zeroed);
  }

  /**
   * Frees a block at once: nobody may be reading it. O(1).
   *
   * @param offset The block.
   * @throws {RcuError} `INVALID_POINTER` if no block starts there.
   * @throws {RcuError} `DOUBLE_FREE` if it was freed or deferred before.
   * @throws {RcuError} `MEMBER_BLOCK` if a mutex or a domain lies there, which have a `destroy`.
   * @throws {RcuError} `CANARY_OVERWRITTEN` in debug mode, if bytes past its end were overwritten.
   * @throws {UseAfterFreeError} In debug mode, if a block that leaves the quarantine was written
   * to.
   * @throws {EvictedError} If this context was expelled or has closed the arena.
   */
  free(offset: number): void {
    this.#core.free(offset);
  }

  /** Reads the statistics. Walks the heap: O(blocks). */
  stats(): ArenaStats {
    this.#core.checkAttached();
    return readStats(this.u32, this.#core.heap.pages);
  }

  /** Lists the contexts: those attached, and those that are gone while their records last. */
  contexts(): ContextInfo[] {
    return this.#core.contexts.list();
  }

  /**
   * Checks every invariant of the heap, and in debug mode every canary and every byte of poison in
   * quarantine. O(blocks). Other contexts may go on: what one of them is changing is looked at again.
   *
   * @throws {RcuError} `ARENA_CORRUPT` if an invariant does not hold.
   * @throws {RcuError} `CANARY_OVERWRITTEN` in debug mode, if bytes past the end of a live block
   * were overwritten.
   * @throws {UseAfterFreeError} In debug mode, if a block in quarantine was written to.
   */
  checkHeap(): void {
    this.#core.checkAttached();
    verify(this.#core.heap);
    if (this.debug) checkBlocks(this.#core.heap);
  }

  /**
   * Tells contexts to stop: the next call that locks, waits, allocates or reports a quiescent state
   * throws {@linkcode EvictedError} there, and waits of theirs that are in progress end with it.
   *
   * Repairs nothing, since such a context may still run: what it holds stays its own, and a section
   * that it has open holds up grace periods until it ends. Does not block.
   *
   * @param tokens The `token` of a context, or of several.
   * @throws {RcuError} `UNKNOWN_CONTEXT` if no other context ever had such a token. Nobody is expelled.
   */
  expel(tokens: number | readonly number[]): void {
    expelContexts(this.#evictor, [tokens].flat());
  }

  /**
   * Expels a context, and repairs what it left behind if it certainly executes nothing more: its
   * sections end, its reader slots and the mutexes that it held are free, its deferred blocks are freed
   * after their grace period. In every domain of the arena. May be called again, for instance when the
   * first caller died during the call.
   *
   * @param token The context's `token`.
   * @param options With `stopped`, the caller vouches that the worker has stopped: Node's `exit` event
   * and the end of an awaited `terminate()` say so. The repair is done when the call returns. If the
   * worker runs on all the same, it may write to memory that is no longer its own.
   * @returns What was done.
   * @throws {RcuError} `STILL_RUNNING` while the platform says that it runs. It is expelled.
   * @throws {RcuError} `NOT_CERTIFIED` if the platform does not say that it has stopped. It is
   * expelled.
   * @throws {RcuError} `UNKNOWN_CONTEXT` if no other context ever had this token.
   */
  async evict(token: number, options?: { readonly stopped?: boolean }): Promise<EvictionReport>;
  /** As above, for several contexts: if one of them may still run, none is repaired. */
  async evict(
    tokens: readonly number[],
    options?: { readonly stopped?: boolean },
  ): Promise<EvictionReport[]>;
  async evict(
    tokens: number | readonly number[],
    options: { readonly stopped?: boolean } = {},
  ): Promise<EvictionReport | EvictionReport[]> {
    const all = [tokens].flat();
    this.expel(all);
    if (options.stopped !== true) await certify(this.#evictor, all);
    const reports = repairAfter(this.#evictor, all);
    return typeof tokens === "number" ? reports[0]! : reports;
  }

  /**
   * Watches the other contexts, and evicts each that is found dead. For one context of the program, or
   * for several. Needs a platform with Web Locks: a worker's context holds one for as long as it lives,
   * except that nobody knows of a worker that dies before it was seen to hold it.
   *
   * @param options The signal that ends the watch, whom to tell, and how often to look.
   * @returns Resolves once the signal is aborted, and leaves nothing pending. What `onEvicted` throws
   * ends the watch as well.
   * @throws {RcuError} `NOT_CERTIFIED` where there are no such locks, as on Node 20 and 22.
   * @throws {EvictedError} If this context is evicted or closes the arena.
   */
  watch(options: {
    /** Ends the watch. */
    readonly signal: AbortSignal;
    /** Called for each context that was found dead, and is evicted. */
    readonly onEvicted?: (report: EvictionReport) => void;
    /** The contexts to watch; all others than this one unless given, also those that attach later. */
    readonly tokens?: readonly number[];
    /** How often to look, in milliseconds; 250 unless given. */
    readonly intervalMs?: number;
  }): Promise<void> {
    return watchContexts(this.#evictor, options);
  }

  get #evictor(): Evictor {
    return { core: this.#core, arena: this };
  }
}

/** Formats an arena's random number. */
function formatId(low: number, high: number): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** Checks that a handle and the memory in it are an arena of this version. */
function checkHandle(handle: ArenaHandle): ArenaGeometry {
  const expect = (field: string, expected: unknown, actual: unknown): void => {
    if (actual !== expected) {
      throw new RcuError("FOREIGN_HANDLE", { what: "arena", field, expected, actual });
    }
  };
  expect("handle", "object", handle === null ? "null" : typeof handle);
  expect("kind", "guestmem-arena", handle.kind);
  expect("version", LAYOUT_VERSION, handle.version);
  expect("memory", true, handle.memory instanceof WebAssembly.Memory);
  expect("memory.buffer", "SharedArrayBuffer", handle.memory.buffer.constructor.name);
  const u32 = new Uint32Array(sharedBuffer(handle.memory));
  expect("magic", MAGIC, Atomics.load(u32, HEADER.magic.index(0)));
  expect("layout version", LAYOUT_VERSION, HEADER.version.get(u32, 0));
  expect("id", formatId(HEADER.idLow.get(u32, 0), HEADER.idHigh.get(u32, 0)), handle.id);
  expect("size", handle.memory.buffer.byteLength, HEADER.bytes.get(u32, 0));
  const contexts = HEADER.contexts.get(u32, 0);
  expect("number of contexts in range", true, contexts >= 1 && contexts <= 4096);
  return geometryOf(HEADER.bytes.get(u32, 0), contexts);
}
