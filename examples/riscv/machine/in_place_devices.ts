/**
 * The devices that every context runs in place, and what steers and wakes the harts.
 *
 * @module
 */

import { VcpuControl } from "@guestmem/flatview/vcpu";
import type { Arena } from "@guestmem/rcu";
import { Aclint } from "../devices/aclint.ts";
import { Plic } from "../devices/plic.ts";
import { InterruptLines } from "../signals/interrupt_lines.ts";
import { MachineClock } from "../signals/machine_clock.ts";
import { boardStructs, type SharedHandles } from "./shared_memory.ts";

/** One context's view of what all contexts share. */
export interface InPlaceDevices {
  /** Steer the harts. */
  readonly controls: readonly VcpuControl[];
  readonly lines: InterruptLines;
  readonly clock: MachineClock;
  readonly aclint: Aclint;
  readonly plic: Plic;
}

/**
 * Attaches this context.
 *
 * @param window The window of guest RAM in which the harts' areas lie.
 * @param areas Address of each hart's area in it.
 */
export function attachInPlaceDevices(
  arena: Arena,
  shared: SharedHandles,
  window: WebAssembly.Memory,
  areas: readonly number[],
): InPlaceDevices {
  const structs = boardStructs(arena, shared);
  const controls = shared.controls.map((buffer) => new VcpuControl(buffer));
  const lines = new InterruptLines(window, areas, controls);
  const clock = new MachineClock(arena, structs.clock);
  const aclint = new Aclint(arena, structs.aclint, lines, clock);
  return { controls, lines, clock, aclint, plic: new Plic(arena, structs.plic, lines) };
}
