/**
 * A hart as the vCPU's loop runs it: a slice of instructions, and what must be done between two.
 *
 * @module
 */

import { MemTxResult } from "@guestmem/flatview";
import { PageAccess, type PageResolver, type VcpuCore } from "@guestmem/flatview/vcpu";
import type { Aclint } from "../devices/aclint.ts";
import type { Plic } from "../devices/plic.ts";
import { EXIT, Hart, RESOLUTION } from "../hart/hart.ts";
import type { InterruptLines } from "../signals/interrupt_lines.ts";
import { type MachineClock, TICKS_PER_MS } from "../signals/machine_clock.ts";

/** The most instructions between two looks at interrupts, the map and the run state. */
const SLICE = 50_000;
/** Where a hart starts: the reset vector. */
const RESET = 0x1000n;

const MACHINE_TIMER_ENABLED = 1n << 7n;
const SUPERVISOR_TIMER_ENABLED = 1n << 5n;
/** `menvcfg.STCE`: `stimecmp` is in use. */
const STIMECMP_ENABLED = 1n << 63n;
/** Physical addresses from here on show nothing. */
const ADDRESS_LIMIT = 1n << 53n;

/** What a hart works with. */
export interface HartCoreParts {
  readonly id: number;
  /** The window that holds the hart's area and the guest's RAM. */
  readonly memory: WebAssembly.Memory;
  readonly area: number;
  readonly decodedPages: number;
  readonly resolver: PageResolver;
  readonly lines: InterruptLines;
  readonly clock: MachineClock;
  readonly aclint: Aclint;
  readonly plic: Plic;
}

/** A hart of this worker. */
export class HartCore implements VcpuCore {
  /** Slices that were run. */
  slices = 0;
  /** Accesses to devices. */
  exits = 0;
  /** Milliseconds asleep or paused. */
  asleep = 0;
  readonly #parts: HartCoreParts;
  readonly #hart: Hart;
  #sleepsSince: number | undefined;

  constructor(parts: HartCoreParts) {
    const { id, memory, area, decodedPages, clock } = parts;
    this.#parts = parts;
    this.#hart = new Hart({
      ...{ id, memory, area, decodedPages },
      resolve: (page) => this.#resolve(page),
      mark: (page) => parts.resolver.mark(page),
      time: () => clock.now(),
    });
    this.#hart.set("pc", RESET);
  }

  /** Instructions that were retired. */
  get instructions(): number {
    return Number(this.#hart.get("retired"));
  }

  run(): number {
    if (this.#sleepsSince !== undefined) {
      this.asleep += performance.now() - this.#sleepsSince;
      this.#sleepsSince = undefined;
    }
    const { id, aclint, plic } = this.#parts;
    aclint.refreshTimer(id);
    plic.refreshLines(id);
    this.slices++;
    const exit = this.#hart.run(SLICE);
    if (exit === EXIT.WFI) return this.#wait();
    if (exit !== EXIT.BUDGET) this.#access(exit === EXIT.MMIO_STORE);
    return 0;
  }

  flush(): void {
    this.#hart.flush();
  }

  /** A page that lies in another window goes through `#access`. */
  #resolve(page: number): number {
    const { resolver, memory } = this.#parts;
    const access = resolver.resolve(page);
    if ((access & PageAccess.READ) === 0) return 0;
    if (resolver.window!.buffer !== memory.buffer as ArrayBufferLike) return 0;
    if ((access & PageAccess.WRITE) === 0) return resolver.at | RESOLUTION.READABLE;
    const isLogged = (access & PageAccess.LOGGED) !== 0;
    return resolver.at | RESOLUTION.READABLE | (isLogged ? RESOLUTION.LOGGED : RESOLUTION.WRITABLE);
  }

  /** Performs the access that ended a slice; the next slice completes the instruction. */
  #access(isStore: boolean): void {
    this.exits++;
    const hart = this.#hart;
    const { resolver } = this.#parts;
    const address = hart.get("mmioAddress");
    const size = hart.get("mmioSize");
    if (address >= ADDRESS_LIMIT) return hart.refuse();
    if (isStore) {
      const value = hart.get("mmioValue");
      resolver.store(Number(address), size, Number(value & 0xffff_ffffn), Number(value >> 32n));
    } else {
      const low = resolver.load(Number(address), size);
      hart.answer(size === 8 ? BigInt(resolver.upper) << 32n | BigInt(low) : BigInt(low));
    }
    if (resolver.result !== MemTxResult.OK) hart.refuse();
  }

  /** After `wfi`: the milliseconds to sleep. Whatever happens from now on wakes the hart. */
  #wait(): number {
    const { id, lines, clock, aclint, plic } = this.#parts;
    const hart = this.#hart;
    const enabled = hart.get("mie");
    const timer = aclint.refreshTimer(id);
    plic.refreshLines(id);
    if ((lines.get(id) & Number(enabled & 0xffffn)) !== 0) return 0;
    const hasStimecmp = (hart.get("menvcfg") & STIMECMP_ENABLED) !== 0n;
    const supervisorTimer = hasStimecmp ? Number(hart.get("stimecmp")) - clock.now() : Infinity;
    const ticks = Math.min(
      enabled & MACHINE_TIMER_ENABLED ? timer : Infinity,
      enabled & SUPERVISOR_TIMER_ENABLED ? supervisorTimer : Infinity,
    );
    if (ticks <= 0) return 0;
    this.#sleepsSince = performance.now();
    return ticks / TICKS_PER_MS;
  }
}
