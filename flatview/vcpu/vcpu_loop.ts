import { BlockingForbiddenError } from "@guestmem/rcu";
import { canBlock, refuseInAnySection, waitOutside } from "@guestmem/rcu/internal";
import { type VcpuControl, vcpuSideOf } from "./vcpu_control.ts";

/** What the loop needs of a vCPU's path to memory: a `PageResolver` and a `Tlb` are such. */
export interface VcpuMemory {
  /** Whether a section is open. */
  readonly isOpen: boolean;
  /** Generation of the map of the section: another one voids what a core has resolved. */
  readonly generation: number;
  /** Log epoch of the section: another one voids permissions to store to logged pages. */
  readonly logEpoch: number;
  /** Enters a section, and looks for a new map. */
  lock(): void;
  /** Leaves the section. */
  unlock(): void;
  /** Passes through a quiescent state, and looks for a new map. */
  quiescent(): void;
}

/** A CPU core, as the loop runs it. */
export interface VcpuCore {
  /**
   * Runs some tens of thousands of instructions, at most: a grace period waits for the slice to end. It
   * runs inside the section, and ends with each access to a device that may have left the section.
   *
   * @returns How many milliseconds the vCPU may sleep, since it waits for an interrupt: `Infinity` if
   * only an interrupt ends the wait, 0 to run on.
   */
  run(): number;
  /** Drops all that was resolved: the map or the log epoch is another one. Called inside the section. */
  flush(): void;
}

/** What the loop needs of the worker's reader: an `RcuReader` of either flavour is one. */
export interface VcpuReader {
  /** Whether an updater is in a hurry. */
  readonly hurry: boolean;
  /** Goes offline; QSBR only. */
  offline?(): void;
}

/**
 * The loop of a vCPU: slices of guest instructions, each in a read-side section, with a quiescent state
 * and a look for a new map between them; pauses and sleeps that hold up no grace period.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { MemoryAccess, Topology } from "@guestmem/flatview";
 * import { Tlb, VcpuControl, VcpuLoop } from "@guestmem/flatview/vcpu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const memory = GuestRam.create(domain, { bytes: 1 << 20 });
 * const { id, offset } = new RamList(memory).addAnonymous({ name: "ram", length: 1 << 20 });
 * const topology = new Topology({ arena, domain });
 * const ram = topology.initRam("ram", 1 << 20, { blockId: id, ramAddr: offset });
 * const { handle } = topology.createAddressSpace("memory", ram);
 * const control = new VcpuControl();
 *
 * // In the vCPU's worker, which was posted the handles and `control.buffer`:
 * const reader = domain.register({ flavour: "qsbr" });
 * const tlb = new Tlb(new MemoryAccess({ arena, reader, memory }).attach(handle));
 * const loop = new VcpuLoop(tlb, reader, new VcpuControl(control.buffer));
 * loop.run({
 *   run() {
 *     for (let i = 0; i < 1000; i++) tlb.store32(0x1000, tlb.load32(0x1000) + 1);
 *     if (tlb.load32(0x1000) === 5000) control.stop(); // as another context would
 *     return 0;
 *   },
 *   flush() {}, // the TLB looks after itself
 * });
 * assertEquals(control.state, "idle");
 * ```
 */
export class VcpuLoop {
  readonly #memory: VcpuMemory;
  readonly #reader: VcpuReader;
  readonly #control: ReturnType<typeof vcpuSideOf>;

  /**
   * A loop that has not started.
   *
   * @param memory The vCPU's path to memory; no section is open.
   * @param reader The worker's reader, of either flavour.
   * @param control Those who steer the vCPU have the same.
   */
  constructor(memory: VcpuMemory, reader: VcpuReader, control: VcpuControl) {
    this.#memory = memory;
    this.#reader = reader;
    this.#control = vcpuSideOf(control);
  }

  /**
   * Runs the core until the vCPU is stopped.
   *
   * If it throws, the section is closed and a QSBR reader is offline: the worker may die of the error,
   * and no grace period waits for it.
   *
   * @throws {EvictedError} If this context was evicted, while it slept for example. The guest's memory
   * must not be touched any more.
   * @throws {WaitInSectionError} If it sleeps or pauses inside a section of this worker's own.
   * @throws {BlockingForbiddenError} If it sleeps or pauses where blocking is forbidden.
   * @throws Whatever the core throws.
   */
  run(core: VcpuCore): void {
    const control = this.#control;
    control.state = "running";
    try {
      this.#memory.lock();
      this.#slices(core);
      this.#memory.unlock();
    } catch (error) {
      this.#abandon();
      throw error;
    } finally {
      control.state = "idle";
    }
  }

  /** In the middle of a long slice: passes a quiescent state if an updater is in a hurry. */
  heed(): void {
    if (this.#reader.hurry) this.#memory.quiescent();
  }

  /**
   * Runs something that may wait, or that enters sections itself, outside the section of the slice.
   * Compare `generation` and `logEpoch` afterwards, as after an access to a device.
   */
  outside(act: () => void): void {
    this.#memory.unlock();
    try {
      act();
    } finally {
      this.#memory.lock();
    }
  }

  #slices(core: VcpuCore): void {
    const memory = this.#memory;
    const control = this.#control;
    let generation = NaN;
    let logEpoch = NaN;
    for (;;) {
      const { bell } = control; // first: see `VcpuSide`
      if (control.isStopping) return;
      if (control.isPausing) {
        this.#wait("paused", bell, Infinity);
        continue;
      }
      if (memory.generation !== generation || memory.logEpoch !== logEpoch) {
        ({ generation, logEpoch } = memory);
        core.flush();
      }
      const sleep = core.run();
      if (sleep > 0) this.#wait("asleep", bell, sleep);
      else memory.quiescent();
    }
  }

  /** Waits for the bell, outside every section. A QSBR reader is offline for that time. */
  #wait(state: "paused" | "asleep", bell: number, milliseconds: number): void {
    const control = this.#control;
    this.outside(() => {
      const action = "wait for an interrupt";
      refuseInAnySection(action);
      if (!canBlock()) throw new BlockingForbiddenError({ action });
      control.state = state;
      waitOutside(action, () => control.wait(bell, milliseconds));
      control.state = "running";
    });
  }

  /** Leaves the section, if it is open, and goes offline. */
  #abandon(): void {
    try {
      if (this.#memory.isOpen) this.#memory.unlock();
      this.#reader.offline?.();
    } catch {
      // This context was evicted, or its reader is offline already: no grace period waits for it.
    }
  }
}
