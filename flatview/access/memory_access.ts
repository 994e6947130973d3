import type { SharedMemory } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegionOps, MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceHandle } from "../view/address_space.ts";
import { AccessPath } from "./access_path.ts";
import type { AccessReader } from "./guard_holder.ts";
import { Mappings } from "./guest_mapping.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { GuestSpace } from "./guest_space.ts";
import { processorCount } from "./mmio/adaptive_spin.ts";
import type { MmioEndpoint } from "./mmio/endpoint.ts";
import type { ExitStall } from "./mmio/endpoint_timing.ts";
import type { MmioChannel } from "./mmio/mmio_channel.ts";
import type { RegionTranslator } from "./region_translator.ts";

/**
 * One worker's access to guest memory: its address spaces, the devices whose callbacks it runs, and
 * its endpoint of the MMIO channel. Each worker creates its own.
 *
 * Callbacks that are bound here run **in place** for this worker's own accesses: at once, inside the
 * read-side section in which the region was found, so that none runs after the grace period of the
 * commit that removed the region. They must not wait, and must defer what they free. On behalf of other
 * contexts the same callbacks run outside every section, and so does the context that waits for them:
 * there they may wait for grace periods.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { type GuestMemory, MemoryAccess, MemTxResult, Topology } from "@guestmem/flatview";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const topology = new Topology({ arena, domain });
 * const system = topology.initContainer("system", 2n ** 64n);
 * const uart = topology.initIo("uart", 8, { valid: { minAccessSize: 1, maxAccessSize: 1 } });
 * system.addSubregion(0x1000_0000, uart);
 * const { handle } = topology.createAddressSpace("memory", system);
 *
 * // In a worker: `memory` is the GuestRam of `@guestmem/ramblock`; this machine has no RAM.
 * const memory = {} as GuestMemory;
 * const access = new MemoryAccess({ arena, reader: domain.register(), memory });
 * const written: number[] = [];
 * access.bind(uart.id, { read: () => 0x60, write: (_offset, value) => void written.push(value) });
 * const space = access.attach(handle);
 *
 * assertEquals(space.load8(0x1000_0005), 0x60);
 * assertEquals(space.write(0x1000_0000, new TextEncoder().encode("hi")), MemTxResult.OK);
 * assertEquals(written, [0x68, 0x69]);
 * assertEquals(space.store32le(0x1000_0000, 0), MemTxResult.DECODE_ERROR); // the UART takes bytes
 * assertEquals(space.load32le(0), 0); // and nothing lies here
 * assertEquals(space.result, MemTxResult.DECODE_ERROR);
 * ```
 */
export class MemoryAccess {
  readonly #path: AccessPath;
  readonly #mappings: Mappings;
  readonly #spaces = new Map<number, GuestSpace>();

  /**
   * Sets up this worker's accesses, and joins the MMIO channel.
   *
   * @param options What its accesses use.
   * @throws {FlatViewError} `MMIO_CHANNEL_FULL` if the channel has no endpoint left.
   */
  constructor(options: {
    /** The arena, as this worker attached to it. */
    readonly arena: SharedMemory & {
      /** Token of this context. */
      readonly token: number;
      /** Its `id` says whether a handle belongs to this memory. */
      readonly handle: { readonly id: string };
    };
    /** This worker's reader in the domain that the topology publishes with. */
    readonly reader: AccessReader;
    /** Guest RAM: a `GuestRam` of `@guestmem/ramblock`, or another implementation. */
    readonly memory: GuestMemory;
    /** Reaches devices of other contexts, and lets them reach this one's. */
    readonly channel?: MmioChannel;
    /** How many bounce buffers this worker may use at once; 1 by default, as in QEMU. */
    readonly bounceBuffers?: number;
    /** Bytes of a bounce buffer; 4096 by default. */
    readonly bounceBytes?: number;
    /**
     * Called with what a device's callback threw, in the context in which it ran. The access itself only
     * gets `MemTxResult.ERROR`.
     */
    readonly onDeviceError?: (error: unknown, region: number) => void;
    /**
     * Called once for each access to a device in another context that has not answered for 5 seconds,
     * such as one that forgot to `listen`. The access goes on waiting. A `console.warn` unless given.
     *
     * @param stall The region, the token of the context, and how long it has not answered.
     */
    readonly onStall?: (
      stall: { readonly region: number; readonly context: number; readonly elapsedMs: number },
    ) => void;
    /** @internal Milliseconds that never go back, for tests. */
    readonly clock?: () => number;
  }) {
    const { arena, reader, memory, channel = null, onDeviceError = () => {} } = options;
    const { onStall = warnOfStall, clock = () => performance.now() } = options;
    const timing = { clock, processors: processorCount(), onStall };
    this.#path = new AccessPath({ arena, reader, memory, channel, onDeviceError, timing });
    const { bounceBuffers = 1, bounceBytes = 4096 } = options;
    this.#mappings = new Mappings(this.#path, bounceBuffers, bounceBytes);
  }

  /**
   * Attaches this worker to an address space. All of its address spaces belong to one topology.
   *
   * @returns The space: the same object each time.
   * @throws {FlatViewError} `FOREIGN_ADDRESS_SPACE` or `FOREIGN_TOPOLOGY`.
   */
  attach(handle: AddressSpaceHandle): GuestSpace {
    const known = this.#spaces.get(handle?.cell);
    if (known !== undefined && known.name === handle.name) return known;
    const space = new GuestSpace(this.#path, this.#path.translator.attach(handle), this.#mappings);
    this.#spaces.set(handle.cell, space);
    return space;
  }

  /**
   * Binds callbacks to a region. Its limits and byte order are those with which it was created: only
   * `read`, `write` and `valid.accepts` are taken from here.
   *
   * @param region Id of the region.
   */
  bind(region: number, ops: MemoryRegionOps): void {
    this.#path.dispatcher.bind(region, ops);
  }

  /** Unbinds the callbacks of a region. */
  unbind(region: number): void {
    this.#path.dispatcher.bind(region, null);
  }

  /**
   * Binds a translator to an IOMMU region.
   *
   * @param region Id of the region.
   * @param attrsToIndex Gives the IOMMU index of an access; 0 by default.
   */
  bindIommu(
    region: number,
    translator: RegionTranslator,
    attrsToIndex?: (attrs: MemTxAttrs) => number,
  ): void {
    this.#path.translator.bindIommu(region, translator, attrsToIndex);
  }

  /** Sets the address space that the translators of this worker mean by a number. */
  setTarget(target: number, space: GuestSpace): void {
    this.#path.translator.setTarget(target, space.reader);
  }

  /** How many contexts have waited for this one since it last served. */
  get pending(): number {
    return this.#endpoint.server.pending;
  }

  /**
   * Serves the accesses that other contexts wait for. Never waits. Must be called outside every section.
   *
   * @returns How many accesses were served.
   * @throws {FlatViewError} `NO_MMIO_CHANNEL` without a channel.
   */
  poll(): number {
    return this.#endpoint.server.poll();
  }

  /**
   * Blocks until another context accesses a device of this one, and serves it.
   *
   * @param milliseconds Longest wait.
   * @returns How many accesses were served; may be 0.
   * @throws {WaitInSectionError} Inside a section.
   * @throws {FlatViewError} `NO_MMIO_CHANNEL` without a channel.
   */
  serve(milliseconds: number): number {
    return this.#endpoint.serve(milliseconds);
  }

  /**
   * Serves other contexts from this one's event loop, and keeps the process alive, until aborted.
   *
   * @throws {FlatViewError} `NO_MMIO_CHANNEL` without a channel.
   */
  listen(signal: AbortSignal): Promise<void> {
    return this.#endpoint.listen(signal);
  }

  /**
   * Registers a function to be called once, as soon as a bounce buffer is free.
   *
   * @returns A function that unregisters it.
   */
  onBounceBufferFree(notify: () => void): () => void {
    return this.#mappings.onFree(notify);
  }

  /**
   * Leaves the MMIO channel: accesses that others wait for fail with `MemTxResult.ERROR`.
   *
   * @throws {FlatViewError} `MAPPINGS_LEFT` if mappings are left; nothing was closed.
   */
  close(): void {
    this.#mappings.refuseLeaks();
    this.#path.dispatcher.endpoint?.leave();
  }

  get #endpoint(): MmioEndpoint {
    const { dispatcher: { endpoint }, arena } = this.#path;
    if (endpoint === null) {
      throw new FlatViewError("NO_MMIO_CHANNEL", { region: 0, context: arena.token });
    }
    return endpoint;
  }
}

function warnOfStall({ region, context, elapsedMs }: ExitStall): void {
  console.warn(
    `An access to the device of region ${region} has waited ${
      Math.round(elapsedMs / 1000)
    } s for ` +
      `context ${context}: does it call \`listen\`, \`serve\` or \`poll\` of its MemoryAccess?`,
  );
}
