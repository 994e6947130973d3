/**
 * What the supervisor and its workers post to one another.
 *
 * @module
 */

import type { AddressSpaceHandle } from "@guestmem/flatview";
import type { VmHandle } from "@guestmem/flatview/vm";
import type { GuestRamHandle } from "@guestmem/ramblock";
import type { Piece } from "../boot/boot_plan.ts";
import type { GuestExit } from "../devices/test_finisher.ts";
import type { SharedHandles } from "../machine/shared_memory.ts";
import type { DeviceSpec } from "./device_specs.ts";
import type { MapQuestion } from "./map_text.ts";

/** What the device worker is started with. */
export interface DeviceOrder {
  readonly shared: SharedHandles;
  readonly harts: number;
  /** Bytes of RAM. */
  readonly memory: number;
  readonly pieces: readonly Piece[];
  /** What is plugged into the PCI bus when the guest starts. */
  readonly devices: readonly DeviceSpec[];
}

/** What a hart needs of the machine. */
export interface MachineHandles {
  readonly vm: VmHandle<GuestRamHandle>;
  readonly hartMemories: readonly AddressSpaceHandle[];
  readonly hartAreas: readonly number[];
  /** Ids of the regions that every hart serves itself. */
  readonly inPlace: { readonly software: number; readonly timer: number; readonly plic: number };
}

/** What a hart's worker is started with. */
export interface HartOrder {
  readonly shared: SharedHandles;
  readonly machine: MachineHandles;
  readonly hart: number;
}

/** Posted to the device worker. */
export type DeviceCommand =
  | { readonly kind: "input"; readonly bytes: Uint8Array }
  | { readonly kind: "ask"; readonly question: DeviceQuestion }
  | { readonly kind: "end" };

/** Questions and orders of the monitor, each of which is answered by a text. */
export type DeviceQuestion =
  | { readonly kind: "map"; readonly map: MapQuestion }
  | { readonly kind: "plug"; readonly device: DeviceSpec }
  | { readonly kind: "unplug"; readonly id: string };

/** Posted by the device worker. */
export type DeviceMessage =
  | { readonly kind: "ready"; readonly machine: MachineHandles }
  | { readonly kind: "output"; readonly bytes: Uint8Array }
  | { readonly kind: "answer"; readonly text: string }
  | { readonly kind: "exit"; readonly exit: GuestExit }
  | { readonly kind: "ended"; readonly served: number }
  | FailureMessage;

/** How a hart spent its time. */
export interface HartReport {
  readonly hart: number;
  readonly instructions: number;
  readonly slices: number;
  /** Accesses to devices. */
  readonly exits: number;
  readonly milliseconds: number;
  /** Of these, asleep in `wfi` or paused. */
  readonly asleep: number;
}

/** Posted by a hart's worker. */
export type HartMessage =
  | { readonly kind: "ended"; readonly report: HartReport }
  | FailureMessage;

/** A worker's last words. It holds on to what it held; the supervisor evicts and terminates it. */
export interface FailureMessage {
  readonly kind: "failed";
  /** The error with its stack. */
  readonly reason: string;
}
