/**
 * The control context of the portable example: it starts vCPUs, changes what they read until each
 * has seen enough, and checks that everything it replaced was freed. It never blocks, so a page's
 * main thread can run it.
 *
 * @module
 */

import { Machine } from "./machine.ts";
import type { VcpuData, VcpuReport } from "./vcpu.ts";

/** Starts a worker that runs {@linkcode runVcpu}, in whichever runtime. */
export type StartVcpu = (data: VcpuData) => Promise<VcpuReport>;

/** What happened. */
export interface Report {
  /** Configurations published. */
  readonly versions: number;
  /** Flat views built and freed: all must be freed but the current one and the empty one. */
  readonly views: { readonly built: number; readonly freed: number };
  /** Blocks that still wait for a grace period at the end: must be 0. */
  readonly deferred: number;
  /** The byte that each vCPU wrote to RAM. */
  readonly ram: readonly number[];
  readonly vcpus: readonly VcpuReport[];
}

/** Runs the example with `vcpus` workers. */
export async function runControl(start: StartVcpu, vcpus = 2): Promise<Report> {
  const machine = new Machine(vcpus);
  const { arena, domain, ram, control } = machine;
  const running = Promise.all(
    Array.from({ length: vcpus }, (_, index) => start(machine.dataOf(index))),
  );
  let failed = false;
  running.catch(() => failed = true);
  while (!failed && control.subarray(1).includes(0)) {
    machine.change();
    // Frees what was replaced, so that readers meet reused memory, and lets messages in.
    if (machine.versions % 8 === 0) await domain.barrierAsync();
    if (machine.versions % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  Atomics.store(control, 0, 1);
  const reports = await running;
  await domain.barrierAsync();
  const reader = domain.register({ label: "control" });
  const guard = reader.lock();
  const bytes = reports.map((_, index) => {
    const byte = new Uint8Array(1);
    ram.read(guard, 0x1000 * index + 0x10, byte);
    return byte[0]!;
  });
  guard.unlock();
  reader.unregister();
  return {
    versions: machine.versions,
    views: machine.views,
    deferred: arena.stats().deferredBlocks,
    ram: bytes,
    vcpus: reports,
  };
}

/** What is wrong with a report; empty if all is well. */
export function problemsOf({ versions, views, deferred, ram, vcpus }: Report): string[] {
  const problems: string[] = [];
  for (const [index, { configs, tornConfigs, tornMaps }] of vcpus.entries()) {
    if (configs === 0 || configs > versions) problems.push(`vCPU ${index} saw ${configs} versions`);
    if (tornConfigs > 0) problems.push(`vCPU ${index} saw ${tornConfigs} torn configurations`);
    if (tornMaps > 0) problems.push(`vCPU ${index} saw ${tornMaps} torn maps`);
    if (ram[index] !== index + 1) problems.push(`RAM holds ${ram[index]} of vCPU ${index}`);
  }
  if (deferred > 0) problems.push(`${deferred} blocks were not freed`);
  if (views.freed < views.built - 2) problems.push(`${views.built - views.freed} views are left`);
  return problems;
}
