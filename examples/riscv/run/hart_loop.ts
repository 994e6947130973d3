/**
 * A hart's loop: slices of instructions, and between two of them everything else.
 *
 * @module
 */

import { MemoryAccess, MemTxResult } from "@guestmem/flatview";
import { PageAccess, PageResolver } from "@guestmem/flatview/vcpu";
import type { QsbrReader } from "@guestmem/rcu";
import { RunState } from "../../lib/vcpu/run_state.ts";
import { Aclint } from "../devices/aclint.ts";
import { Plic } from "../devices/plic.ts";
import { EXIT, Hart, RESOLUTION } from "../hart/hart.ts";
import { attachSharedMemory, type SharedMemoryParts } from "../machine/shared_memory.ts";
import { DECODED_PAGES } from "../machine/virt_machine.ts";
import { HartSignals } from "../signals/hart_signals.ts";
import { MachineClock, TICKS_PER_MS } from "../signals/machine_clock.ts";
import type { HartOrder, HartReport } from "./messages.ts";

/** The most instructions between two looks at interrupts, the map and the run state. */
const SLICE = 50_000;
/** Where a hart starts: the reset vector. */
const RESET = 0x1000n;
/** The longest sleep: a timer's interrupt may be due in years. */
const LONGEST_SLEEP_MS = 60_000;

const MACHINE_TIMER_ENABLED = 1n << 7n;
const SUPERVISOR_TIMER_ENABLED = 1n << 5n;
/** `menvcfg.STCE`: `stimecmp` is in use. */
const STIMECMP_ENABLED = 1n << 63n;
/** Physical addresses from here on show nothing. */
const ADDRESS_LIMIT = 1n << 53n;

/** Runs a hart in this worker. */
export class HartLoop {
  readonly #shared: SharedMemoryParts;
  readonly #reader: QsbrReader;
  readonly #access: MemoryAccess;
  readonly #resolver: PageResolver;
  readonly #clock: MachineClock;
  readonly #signals: HartSignals;
  readonly #aclint: Aclint;
  readonly #plic: Plic;
  readonly #run: RunState;
  readonly #hart: Hart;
  readonly #id: number;
  #generation = 0;
  #slices = 0;
  #exits = 0;
  #asleep = 0;

  /** Attaches this worker. */
  constructor({ shared, machine, hart: id }: HartOrder) {
    const label = `hart ${id}`;
    const { arena, domain, ram, channel, ...board } = this.#shared = attachSharedMemory(
      shared,
      label,
    );
    this.#id = id;
    this.#reader = domain.register({ flavour: "qsbr", label });
    this.#access = new MemoryAccess({ arena, reader: this.#reader, memory: ram, channel });
    this.#resolver = new PageResolver(this.#access.attach(machine.hartMemories[id]!));
    const memory = ram.handle.windows[0]!;
    this.#clock = new MachineClock(arena, board.clock);
    this.#signals = new HartSignals(memory, machine.hartAreas);
    this.#aclint = new Aclint(arena, board.aclint, this.#signals, this.#clock);
    this.#plic = new Plic(arena, board.plic, this.#signals);
    this.#access.bind(machine.inPlace.software, this.#aclint.software);
    this.#access.bind(machine.inPlace.timer, this.#aclint.timer);
    this.#access.bind(machine.inPlace.plic, this.#plic.ops);
    this.#run = new RunState(shared.run);
    this.#hart = new Hart({
      memory,
      area: machine.hartAreas[id]!,
      decodedPages: DECODED_PAGES,
      id,
      resolve: (page) => this.#resolve(page),
      time: () => this.#clock.now(),
    });
    this.#hart.set("pc", RESET);
  }

  /** Runs until the machine stops. */
  run(): HartReport {
    const started = performance.now();
    this.#resolver.lock();
    this.#generation = this.#resolver.generation;
    while (!this.#run.isStopping) {
      if (!this.#run.isRunning) {
        this.#pause();
        continue;
      }
      this.#followMap();
      this.#aclint.refreshTimer(this.#id);
      this.#plic.refreshLines(this.#id);
      this.#slices++;
      const exit = this.#hart.run(SLICE);
      if (exit === EXIT.MMIO_LOAD || exit === EXIT.MMIO_STORE) this.#exit(exit);
      else if (exit === EXIT.WFI) this.#sleep();
      this.#resolver.quiescent();
    }
    this.#resolver.unlock();
    return {
      hart: this.#id,
      instructions: Number(this.#hart.get("minstret")),
      slices: this.#slices,
      exits: this.#exits,
      milliseconds: performance.now() - started,
      asleep: this.#asleep,
    };
  }

  /** Leaves: grace periods no longer wait for this worker. */
  close(): void {
    this.#access.close();
    this.#reader.unregister();
    this.#shared.arena.close();
  }

  /** What was resolved under another generation of the map is void. */
  #followMap(): void {
    const { generation } = this.#resolver;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#hart.flush();
  }

  #resolve(page: number): number {
    const resolver = this.#resolver;
    const access = resolver.resolve(page);
    if (access === 0) return 0;
    const isWritable = access & PageAccess.WRITE && !(access & PageAccess.LOGGED);
    return resolver.at | RESOLUTION.READABLE | (isWritable ? RESOLUTION.WRITABLE : 0);
  }

  /** Performs the access that ended a slice; the next slice completes the instruction. */
  #exit(exit: number): void {
    this.#exits++;
    const hart = this.#hart;
    const resolver = this.#resolver;
    const address = hart.get("mmioAddress");
    const size = hart.get("mmioSize");
    if (address >= ADDRESS_LIMIT) return hart.refuse();
    if (exit === EXIT.MMIO_STORE) {
      const value = hart.get("mmioValue");
      resolver.store(Number(address), size, Number(value & 0xffff_ffffn), Number(value >> 32n));
    } else {
      const low = resolver.load(Number(address), size);
      hart.answer(size === 8 ? BigInt(resolver.upper) << 32n | BigInt(low) : BigInt(low));
    }
    if (resolver.result !== MemTxResult.OK) hart.refuse();
  }

  /**
   * Sleeps in `wfi`. The doorbell is loaded first: whatever happens after that ends the sleep. What
   * happened before, the run state included, is found here.
   */
  #sleep(): void {
    const seen = this.#signals.rings(this.#id);
    const enabled = this.#hart.get("mie");
    const timer = this.#aclint.refreshTimer(this.#id);
    this.#plic.refreshLines(this.#id);
    const isWanted = (this.#signals.lines(this.#id) & Number(enabled & 0xffffn)) !== 0;
    if (isWanted || !this.#run.isRunning) return;
    const ticks = Math.min(
      enabled & MACHINE_TIMER_ENABLED ? timer : Infinity,
      enabled & SUPERVISOR_TIMER_ENABLED ? this.#supervisorTimer() : Infinity,
    );
    if (ticks <= 0) return;
    const milliseconds = Math.min(ticks / TICKS_PER_MS, LONGEST_SLEEP_MS);
    this.#offline(() => this.#signals.sleep(this.#id, seen, milliseconds));
  }

  /** Ticks until `stimecmp`. */
  #supervisorTimer(): number {
    const isUsed = (this.#hart.get("menvcfg") & STIMECMP_ENABLED) !== 0n;
    return isUsed ? Number(this.#hart.get("stimecmp")) - this.#clock.now() : Infinity;
  }

  #pause(): void {
    this.#offline(() => this.#run.awaitResume());
  }

  /** Waits outside the section, and offline: no grace period waits for this hart. */
  #offline(wait: () => void): void {
    const from = performance.now();
    this.#resolver.unlock();
    this.#reader.offline();
    wait();
    this.#reader.online();
    this.#resolver.lock();
    this.#asleep += performance.now() - from;
  }
}
