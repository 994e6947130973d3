/**
 * The memory of a real machine in use: vCPU workers replay a guest's accesses, a worker runs the
 * devices, and this context changes the map under them.
 *
 * @module
 */

import { type Machine, parseMachine } from "@guestmem/flatview/machine";
import { MemoryAccess } from "@guestmem/flatview";
import { VcpuControl } from "@guestmem/flatview/vcpu";
import { Crew, type Member } from "../lib/crew.ts";
import { Findings } from "../lib/findings.ts";
import { readLines, readText } from "../lib/text_files.ts";
import { Changes } from "./changes.ts";

import { DemoMachine } from "./machine.ts";
import { Memory } from "./memory.ts";
import {
  Counter,
  type DeviceOrder,
  type DeviceResult,
  type ServeOrder,
  type VcpuOrder,
  type VcpuResult,
} from "./messages.ts";
import type { Options } from "./options.ts";
import { Recorder, type Recording } from "./recording.ts";
import { type Report, report, type Returned } from "./report.ts";
import type { Status } from "./status.ts";

const MACHINE = new URL("../testdata/q35-seabios.s09.json.gz", import.meta.url);
const TRACE = new URL("../testdata/q35-seabios.s08.trace.gz", import.meta.url);
/** Interval of the display. */
const SHOW_MS = 100;
/** Changes between two turns of the event loop. */
const CHANGES = 4;
/** A run with a limit on its changes goes on until each vCPU has had this many sections. */
const ENOUGH_SECTIONS = 200;

/** Shows the run to a person. */
export interface Watcher {
  /** Prints a line. */
  say(line: string): void;
  /** Shows the current state. */
  show(status: Status): void;
}

/** The parts of a run. */
interface Rig {
  readonly options: Options;
  readonly memory: Memory;
  readonly machine: DemoMachine;
  readonly recording: Recording;
  readonly changes: Changes;
  readonly access: MemoryAccess;
  readonly findings: Findings;
  readonly crew: Crew;
  readonly counters: Float64Array<SharedArrayBuffer>;
}

const read = { read: (file: string) => Deno.readFile(new URL(file)) };

/**
 * Runs the demo.
 *
 * @param options The run's parameters.
 * @param watcher Shows the run.
 * @param interrupt Ends the run early.
 */
export async function demo(
  options: Options,
  watcher: Watcher,
  interrupt?: AbortSignal,
): Promise<Report> {
  watcher.say("Reading a machine and its boot, and starting workers ...");
  const file = parseMachine(await readText(MACHINE.href, read));
  const memory = new Memory();
  memory.makeShadowMaps(options.vcpus);
  const crew = new Crew(memory.arena);
  const devices = startDevices(crew, memory);
  const token = await devices.answer();
  const rig = await buildRig(options, file, memory, crew, token as number);
  watcher.say(
    `QEMU's q35 after its firmware: ${rig.machine.printedViews} views, ` +
      `${rig.machine.devices.length} devices' regions; ${rig.recording.order.length} recorded accesses`,
  );
  const stopDevices = new Int32Array(new SharedArrayBuffer(4));
  devices.tell({ devices: rig.machine.devices, stop: stopDevices.buffer } satisfies ServeOrder);
  const start = performance.now();
  const vcpus = await runVcpus(rig, watcher, interrupt);
  const elapsed = (performance.now() - start) / 1000;
  Atomics.store(stopDevices, 0, 1);
  const served = await crew.within("the devices", devices.answer()) as DeviceResult | null;
  const { changes, findings, recording } = rig;
  const spaces = rig.machine.topology.addressSpaces.length - 1;
  const returned = crew.failures.length > 0 ? unknown(rig) : giveBack(rig);
  return report({
    options,
    elapsed,
    recorded: recording.order.length,
    different: recording.accesses.length,
    spaces,
    views: rig.machine.printedViews,
    changes: changes.counts,
    vcpus,
    devices: served ?? { served: 0, findings: [] },
    servedByControl: changes.served,
    controlFindings: findings.list(),
    returned,
    failures: crew.failures,
    interrupted: interrupt?.aborted ?? false,
  });
}

function startDevices(crew: Crew, memory: Memory): Member<number | DeviceResult> {
  const order: DeviceOrder = {
    arena: memory.arena.handle,
    domain: memory.domain.handle,
    ram: memory.ram.handle,
    channel: memory.channel.handle,
  };
  return crew.start("devices", import.meta.resolve("./device_worker.ts"), order);
}

async function buildRig(
  options: Options,
  file: Machine,
  memory: Memory,
  crew: Crew,
  token: number,
): Promise<Rig> {
  const { arena, reader, ram, channel } = memory;
  const machine = new DemoMachine(file, memory, token);
  const recorder = new Recorder(machine.memory, machine.ports, machine.devices);
  for await (const line of readLines(TRACE.href, read)) recorder.take(line);
  const access = new MemoryAccess({ arena, reader, memory: ram, channel });
  const findings = new Findings();
  const { seed, plant, vcpus } = options;
  return {
    ...{ options, memory, machine, recording: recorder.finish(), access, findings, crew },
    changes: new Changes(machine, memory, access, findings, seed, plant),
    counters: new Float64Array(new SharedArrayBuffer(8 * Counter.ROW * vcpus)),
  };
}

/** Runs the vCPUs for the time asked for, or until an error is found. */
async function runVcpus(
  rig: Rig,
  watcher: Watcher,
  interrupt: AbortSignal | undefined,
): Promise<VcpuResult[]> {
  const { options, crew, access, changes, findings, memory } = rig;
  const controls = Array.from({ length: options.vcpus }, () => new VcpuControl());
  const url = import.meta.resolve("./vcpu_worker.ts");
  const vcpus = controls.map((control, number) =>
    crew.start<VcpuResult>(`vCPU ${number}`, url, orderOf(rig, number, control))
  );
  const served = new AbortController();
  const serving = access.listen(served.signal);
  const start = performance.now();
  const status = statusOf(rig, start);
  let shown = 0;
  for (let now = start; now - start < 1000 * options.seconds; now = performance.now()) {
    for (let i = 0; i < CHANGES; i++) changes.step();
    if (now - shown >= SHOW_MS) watcher.show(status(shown = now));
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (crew.failures.length > 0 || findings.count > 0 || sumOf(rig, "FINDINGS") > 0) break;
    if (hasProven(rig) || interrupt?.aborted) break;
  }
  for (const control of controls) control.stop();
  const answers = Promise.all(vcpus.map((vcpu) => vcpu.answer()));
  const results = await crew.within("vCPUs", answers) ?? [];
  served.abort();
  await serving;
  if (crew.failures.length === 0) await memory.domain.barrierAsync();
  return results.filter((result) => result !== null);
}

/** Whether a vCPU finds memory through memslots. */
function isKvm({ accel }: Options, number: number): boolean {
  return accel === "kvm" || accel === "mixed" && number % 2 === 1;
}

function orderOf(rig: Rig, number: number, control: VcpuControl): VcpuOrder {
  const { memory, machine, options, recording, changes, counters } = rig;
  const { additions } = machine;
  return {
    ...{ number, seed: options.seed, recording, plant: options.plant },
    arena: memory.arena.handle,
    domain: memory.domain.handle,
    ram: memory.ram.handle,
    channel: memory.channel.handle,
    memory: machine.memory.handle,
    slots: isKvm(options, number) ? memory.slots.handle : undefined,
    run: control.buffer,
    ports: machine.ports.handle,
    dma: additions.dma.handle,
    dmaRegion: additions.dmaRegion.id,
    iommu: memory.iommu.handle,
    iommuRegion: additions.iommuRegion.handle,
    twins: additions.twins.map(({ id }) => id),
    ledger: changes.ledger.buffer,
    start: Math.floor(recording.order.length * number / options.vcpus),
    counters: counters.buffer,
  };
}

/** Sum of the vCPUs' counters of one kind. */
function sumOf(rig: Rig, kind: keyof typeof Counter): number {
  return countersOf(rig, kind).reduce((sum, count) => sum + count, 0);
}

function countersOf({ counters, options }: Rig, kind: keyof typeof Counter): number[] {
  return Array.from(
    { length: options.vcpus },
    (_, i) => counters[i * Counter.ROW + Counter[kind]]!,
  );
}

/** Whether enough changes were made, and each vCPU has had enough sections. */
function hasProven(rig: Rig): boolean {
  const { changes = Infinity } = rig.options;
  return rig.changes.count >= changes &&
    countersOf(rig, "SECTIONS").every((sections) => sections >= ENOUGH_SECTIONS);
}

/** Returns a function that reports the current state, with rates since its last call. */
function statusOf(rig: Rig, start: number): (now: number) => Status {
  const { options, memory, changes } = rig;
  let before = Array.from({ length: options.vcpus }, () => 0);
  let then = start;
  return (now) => {
    const counts = countersOf(rig, "ACCESSES");
    const rates = counts.map((count, i) => 1000 * (count - before[i]!) / Math.max(now - then, 1));
    before = counts;
    then = now;
    const retired = memory.blocks.retired().reduce((sum, { maxLength }) => sum + maxLength, 0);
    const reclaimed = changes.removedBytes - retired;
    return {
      elapsed: (now - start) / 1000,
      seconds: options.seconds,
      rates,
      commits: changes.count,
      gracePeriods: memory.domain.stats().gracePeriods,
      waiting: memory.arena.stats().deferredBytes + changes.unpluggedBytes - reclaimed,
      reclaimed,
      findings: sumOf(rig, "FINDINGS"),
    };
  };
}

/** Restores QEMU's machine, then removes everything, and reports what is left over. */
function giveBack(rig: Rig): Returned {
  const { memory, machine, changes, access } = rig;
  const { arena, domain, blocks } = memory;
  const problems: string[] = [];
  changes.restore();
  machine.additions.remove();
  for (const line of [...machine.differencesBefore, ...machine.differences()]) {
    problems.push(`not as QEMU printed it: ${line}`);
  }
  const left = machine.close();
  if (left !== 0) problems.push(`${left} blocks of the arena did not come back`);
  const { built, freed } = machine.topology.stats;
  const { due, run } = changes.finalisers;
  if (run < due) problems.push(`${due - run} of ${due} finalisers did not run`);
  for (const { name } of [...blocks.blocks(), ...blocks.retired()]) {
    problems.push(`RAM block "${name}" did not come back`);
  }
  const { deferredBlocks } = arena.stats();
  if (deferredBlocks > 0) problems.push(`${deferredBlocks} blocks still wait for a grace period`);
  access.close();
  return {
    ...{ viewsBuilt: built, viewsFreed: freed, dimmBytes: changes.unpluggedBytes },
    ...{ finalisers: run, gracePeriods: domain.stats().gracePeriods, problems },
  };
}

/** After a worker has died, leaks cannot be judged. */
function unknown({ changes, memory }: Rig): Returned {
  const { gracePeriods } = memory.domain.stats();
  const none = { viewsBuilt: 0, viewsFreed: 0, finalisers: 0, problems: [] };
  return { ...none, dimmBytes: changes.unpluggedBytes, gracePeriods };
}
