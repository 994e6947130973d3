/**
 * The supervisor of a run: it starts a machine's workers, notices when one dies, and reports.
 *
 * @module
 */

import { VcpuControl } from "@guestmem/flatview/vcpu";
import { type Arena, type RcuDomain, RcuError } from "@guestmem/rcu";
import type { StartedWorker, StartWorker } from "../../lib/worker_port.ts";
import type { Piece } from "../boot/boot_plan.ts";
import type { GuestExit } from "../devices/test_finisher.ts";
import { HartState } from "../hart/hart.ts";
import { createSharedMemory, type SharedHandles } from "../machine/shared_memory.ts";
import { MachineClock } from "../signals/machine_clock.ts";
import type { DeviceSpec } from "./device_specs.ts";
import type {
  DeviceCommand,
  DeviceMessage,
  DeviceQuestion,
  HartMessage,
  HartOrder,
  HartReport,
  MachineHandles,
} from "./messages.ts";
import { registersText } from "./registers_text.ts";

/** A worker that has not ended this many milliseconds after the machine stopped is given up. */
const PATIENCE_MS = 60_000;

/** How a runtime starts the workers of a machine. */
export interface MachineWorkers {
  readonly start: StartWorker;
  /** The module of the device worker. */
  readonly devices: string | URL;
  /** The module of a hart's worker. */
  readonly hart: string | URL;
}

/** What a machine runs. */
export interface RunOptions {
  readonly workers: MachineWorkers;
  readonly harts: number;
  /** Bytes of RAM. */
  readonly memory: number;
  /** Their bytes move to the device worker: the caller cannot use them any more. */
  readonly pieces: readonly Piece[];
  /** What is plugged into the PCI bus when the guest starts. */
  readonly devices?: readonly DeviceSpec[] | undefined;
  /** Takes what the serial port sends. */
  readonly output: (bytes: Uint8Array) => void;
}

/** How a run went. */
export interface RunReport {
  /** How the guest ended it; "quit" if the user did, "failure" if a worker died. */
  readonly exit: GuestExit | { readonly kind: "quit" } | { readonly kind: "failure" };
  /** From the first instruction to the end. */
  readonly milliseconds: number;
  readonly harts: readonly HartReport[];
  /** Accesses that the device worker served. */
  readonly deviceAccesses: number;
  /** A line for each worker that died or did not end. */
  readonly failures: readonly string[];
}

/** A machine that runs. */
export class Supervisor {
  /** Settles when all workers have ended. */
  readonly done: Promise<RunReport>;
  readonly #options: RunOptions;
  readonly #controls: readonly VcpuControl[];
  readonly #arena: Arena;
  readonly #domain: RcuDomain;
  readonly #clock: MachineClock;
  readonly #shared: SharedHandles;
  readonly #devices: StartedWorker;
  readonly #workers = new Map<string, StartedWorker>();
  /** Ends the watch for deaths. */
  readonly #watching = new AbortController();
  readonly #failures: string[] = [];
  readonly #reports: HartReport[] = [];
  readonly #running = new Set<string>(["devices"]);
  /** Who waits for answers of the device worker: they come in order. */
  readonly #questions: ((text: string) => void)[] = [];
  readonly #settle: (report: RunReport) => void;
  #machine: MachineHandles | undefined;
  #exit: RunReport["exit"] | undefined;
  #started: number | undefined;
  #stopped = 0;
  #deviceAccesses = 0;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #pausedAt: number | undefined;

  /** Starts the machine. */
  constructor(options: RunOptions) {
    this.#options = options;
    let settle: ((report: RunReport) => void) | undefined;
    this.done = new Promise((resolve) => settle = resolve);
    this.#settle = settle!;
    this.#controls = Array.from({ length: options.harts }, () => new VcpuControl());
    const buffers = this.#controls.map(({ buffer }) => buffer);
    const { arena, domain, clock, handles } = createSharedMemory(buffers, "supervisor");
    this.#shared = handles;
    this.#arena = arena;
    this.#domain = domain;
    this.#clock = new MachineClock(arena, clock);
    const { harts, memory, pieces, devices = [], workers } = options;
    this.#devices = workers.start<DeviceMessage>(
      workers.devices,
      { shared: this.#shared, harts, memory, pieces, devices },
      {
        message: (message) => this.#hearDevices(message),
        unreadable: (reason) => this.#fail("devices", reason, false),
        died: (reason) => this.#fail("devices", reason),
      },
      "devices",
      pieces.map(({ bytes }) => bytes.buffer),
    );
    this.#workers.set("devices", this.#devices);
    void this.#watch();
  }

  /** Types on the console. */
  type(bytes: Uint8Array): void {
    this.#command({ kind: "input", bytes });
  }

  /** Asks the device worker. @returns What it answers: empty after an order, or the text of an error. */
  ask(question: DeviceQuestion): Promise<string> {
    return new Promise((resolve) => {
      this.#questions.push(resolve);
      this.#command({ kind: "ask", question });
    });
  }

  /** The text of `info registers`. A machine that runs is paused for it. */
  async registersText(): Promise<string> {
    const wasRunning = this.#pausedAt === undefined;
    await this.pause();
    const machine = this.#machine;
    const text =
      machine?.hartAreas.map((area, hart) =>
        registersText(hart, new HartState(machine.vm.ram.windows[0]!, area))
      ) ?? [];
    if (wasRunning) this.resume();
    return text.join("\n");
  }

  /** Statistics of the domain that protects the map and guest RAM. */
  rcuText(): string {
    const { gracePeriods, readers, deferredBlocks, deferredBytes } = this.#domain.stats();
    const contexts = this.#arena.contexts().map(({ token, label }) =>
      `  context ${token}: ${label}`
    );
    return [
      `grace periods: ${gracePeriods}`,
      `readers: ${readers}`,
      `deferred: ${deferredBlocks} blocks, ${deferredBytes} bytes`,
      ...contexts,
    ].join("\n");
  }

  /** Whether the machine is paused. */
  get isPaused(): boolean {
    return this.#pausedAt !== undefined;
  }

  /** Pauses the harts and `mtime`. Resolves when all harts that run are paused. */
  async pause(): Promise<void> {
    if (this.#pausedAt !== undefined || this.#exit !== undefined) return;
    this.#pausedAt = performance.now();
    for (const control of this.#controls) control.pause();
    // Nobody wakes an event loop for this: the harts' states are looked at every millisecond.
    while (this.#exit === undefined && this.#controls.some(({ state }) => isMoving(state))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Goes on after a pause. */
  resume(): void {
    if (this.#pausedAt === undefined || this.#exit !== undefined) return;
    this.#clock.skip(performance.now() - this.#pausedAt);
    this.#pausedAt = undefined;
    for (const control of this.#controls) control.resume();
  }

  /** Ends the run. */
  quit(): void {
    this.#stop({ kind: "quit" });
  }

  #command(command: DeviceCommand): void {
    this.#devices.postMessage(command);
  }

  #hearDevices(message: DeviceMessage): void {
    switch (message.kind) {
      case "ready":
        return this.#startHarts(message.machine);
      case "output":
        return this.#options.output(message.bytes);
      case "answer":
        return this.#questions.shift()?.(message.text);
      case "exit":
        return this.#stop(message.exit);
      case "ended":
        this.#deviceAccesses = message.served;
        return this.#ended("devices");
      case "failed":
        return this.#fail("devices", `failed: ${message.reason}`);
    }
  }

  #startHarts(machine: MachineHandles): void {
    if (this.#exit !== undefined) return;
    this.#machine = machine;
    this.#started = performance.now();
    const { harts, workers } = this.#options;
    for (let hart = 0; hart < harts; hart++) {
      const name = `hart ${hart}`;
      this.#running.add(name);
      const order: HartOrder = { shared: this.#shared, machine, hart };
      const worker = workers.start<HartMessage>(workers.hart, order, {
        message: (message) => {
          if (message.kind === "failed") return this.#fail(name, `failed: ${message.reason}`);
          this.#reports[hart] = message.report;
          this.#ended(name);
        },
        unreadable: (reason) => this.#fail(name, reason, false),
        died: (reason) => this.#fail(name, reason),
      }, name);
      this.#workers.set(name, worker);
    }
  }

  /**
   * Notices workers that die without a word. Node 20 and 22 have no locks to tell it by; there, the end
   * of the worker's thread tells it.
   */
  async #watch(): Promise<void> {
    try {
      await this.#arena.watch({
        signal: this.#watching.signal,
        onEvicted: ({ context }) => this.#fail(context.label, "died without a word"),
      });
    } catch (error) {
      if (!(error instanceof RcuError && error.code === "NOT_CERTIFIED")) throw error;
    }
  }

  /**
   * A worker died, or runs nothing any more since it failed. Nobody waits for it any longer, and the
   * machine stops.
   */
  #fail(name: string, reason: string, stopped = true): void {
    if (!this.#running.has(name)) return;
    this.#failures.push(`${name} ${reason}`);
    for (const { token, label } of this.#arena.contexts()) {
      if (label !== name) continue;
      if (stopped) this.#arena.evict(token, { stopped });
      else this.#arena.expel(token);
    }
    this.#stop({ kind: "failure" });
    this.#ended(name);
  }

  #stop(exit: RunReport["exit"]): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    this.#stopped = performance.now();
    for (const control of this.#controls) control.stop();
    this.#patience = setTimeout(() => this.#giveUp(), PATIENCE_MS);
    this.#endDevices();
  }

  /** The devices serve as long as a hart may wait for them. */
  #endDevices(): void {
    if (this.#exit !== undefined && this.#liveHarts === 0) this.#command({ kind: "end" });
  }

  get #liveHarts(): number {
    return this.#running.size - (this.#running.has("devices") ? 1 : 0);
  }

  #ended(name: string): void {
    this.#running.delete(name);
    this.#workers.get(name)?.terminate();
    this.#endDevices();
    if (this.#running.size === 0) this.#report();
  }

  #giveUp(): void {
    for (const name of this.#running) {
      this.#failures.push(`${name} did not end within ${PATIENCE_MS / 1000} s`);
    }
    this.#running.clear();
    this.#report();
  }

  #report(): void {
    clearTimeout(this.#patience);
    this.#watching.abort();
    this.#settle({
      exit: this.#failures.length > 0 ? { kind: "failure" } : this.#exit!,
      milliseconds: this.#started === undefined ? 0 : this.#stopped - this.#started,
      harts: this.#reports.filter((report) => report !== undefined),
      deviceAccesses: this.#deviceAccesses,
      failures: this.#failures,
    });
  }
}

/** Whether a hart may still run the guest before it pauses. One whose worker has only just started counts. */
function isMoving(state: VcpuControl["state"]): boolean {
  return state === "running" || state === "asleep";
}
