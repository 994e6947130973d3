/**
 * A CPU core in WebAssembly on guestmem, its TypeScript side: all that another core has to do.
 *
 * @module
 */

import { MemTxResult } from "@guestmem/flatview";
import { PageAccess, type PageResolver, type VcpuCore } from "@guestmem/flatview/vcpu";
import { KERNEL_BASE64 } from "./kernel/bytes.ts";
import { ACCESS, CORE, EXIT } from "./kernel/layouts.ts";

/** Bytes of a core's area, which lies at a multiple of 64. */
export const CORE_BYTES: number = CORE.size;

/** The answer for a page that the core cannot access by itself. */
const NO_MEMORY = -1;

/** The most instructions of a slice. */
const SLICE = 10_000;

interface Kernel {
  attach(area: number): void;
  flush(): void;
  run(budget: number): number;
}

/** A core; one context runs it. */
export class Core implements VcpuCore {
  /** Accesses to devices. */
  exits = 0;
  /** Accesses that nothing answered. */
  refused = 0;
  readonly #kernel: Kernel;
  readonly #buffer: ArrayBufferLike;
  readonly #area: number;
  readonly #words: BigUint64Array;
  readonly #u32: Uint32Array;
  readonly #resolver: PageResolver;

  /**
   * @param memory The window of guest RAM that holds the core's area. Pages of other windows are reached
   * by exits.
   * @param area Address of the area in it: zeroed memory that no region shows.
   * @param pc Where the core starts.
   */
  constructor(memory: WebAssembly.Memory, area: number, resolver: PageResolver, pc: number) {
    this.#buffer = memory.buffer;
    this.#area = area;
    this.#words = new BigUint64Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#resolver = resolver;
    const module = new WebAssembly.Module(
      Uint8Array.from(atob(KERNEL_BASE64), (char) => char.charCodeAt(0)),
    );
    const resolve = (low: number, high: number, wanted: number) =>
      this.#resolve((high >>> 0) * 2 ** 32 + (low >>> 0), wanted === ACCESS.STORE);
    const { exports } = new WebAssembly.Instance(module, { env: { memory, resolve } });
    this.#kernel = exports as unknown as Kernel;
    this.#kernel.attach(area);
    CORE.pc.set(this.#u32, area, pc);
  }

  /** Runs a slice. An exit ends it, since the section may be another one afterwards. */
  run(): number {
    switch (this.#kernel.run(SLICE)) {
      case EXIT.LOAD:
        this.#load();
        return 0;
      case EXIT.STORE:
        this.#store();
        return 0;
      case EXIT.WAIT:
        return Infinity;
      case EXIT.FAULT:
        throw new Error(
          `No instruction at 0x${CORE.address.get(this.#u32, this.#area).toString(16)}`,
        );
      default:
        return 0;
    }
  }

  /** Drops what was resolved. */
  flush(): void {
    this.#kernel.flush();
  }

  /** A register. */
  x(register: number): bigint {
    return this.#words[(CORE.x.at(this.#area) >>> 3) + register]!;
  }

  /** Where the core finds a page in its own memory. A logged page is marked once in a log epoch. */
  #resolve(page: number, isStore: boolean): number {
    const resolver = this.#resolver;
    const access = resolver.resolve(page);
    if ((access & (isStore ? PageAccess.WRITE : PageAccess.READ)) === 0) return NO_MEMORY;
    const buffer: ArrayBufferLike = resolver.window!.buffer;
    if (buffer !== this.#buffer || resolver.at % 4096 !== 0) return NO_MEMORY;
    if (isStore && access & PageAccess.LOGGED) resolver.mark(page);
    return resolver.at;
  }

  #load(): void {
    const resolver = this.#resolver;
    const low = resolver.load(CORE.address.get(this.#u32, this.#area), 8);
    const register = CORE.register.get(this.#u32, this.#area);
    this.#words[(CORE.x.at(this.#area) >>> 3) + register] = BigInt(resolver.upper) << 32n |
      BigInt(low);
    this.#count();
  }

  #store(): void {
    const resolver = this.#resolver;
    const address = CORE.address.get(this.#u32, this.#area);
    const value = CORE.value.getBig(this.#u32, this.#area);
    const [low, high] = [Number(value & 0xffff_ffffn), Number(value >> 32n)];
    resolver.store(address, 8, low, high);
    this.#count();
  }

  #count(): void {
    this.exits++;
    if (this.#resolver.result !== MemTxResult.OK) this.refused++;
  }
}
