/**
 * What a run and its workers tell each other.
 *
 * @module
 */

import type { AddressSpaceHandle, MmioChannelHandle } from "@guestmem/flatview";
import type { IommuHandle, IommuRegionHandle } from "@guestmem/iommu";
import type { GuestRamHandle } from "@guestmem/ramblock";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import type { Finding } from "../lib/findings.ts";
import type { VcpuHandles } from "../lib/vcpu/vcpu.ts";
import type { DeviceEntry } from "./machine.ts";
import type { Plant } from "./options.ts";
import type { Recording } from "./recording.ts";

/** What the devices' worker is told first. */
export interface DeviceOrder {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  readonly channel: MmioChannelHandle;
}

/** What it is told when the machine is there: it serves until the word is not 0. */
export interface ServeOrder {
  readonly devices: readonly DeviceEntry[];
  readonly stop: SharedArrayBuffer;
}

/** What it says in the end. */
export interface DeviceResult {
  readonly served: number;
  readonly findings: readonly Finding[];
}

/** What a vCPU is told. */
export interface VcpuOrder extends VcpuHandles {
  readonly number: number;
  readonly seed: number;
  readonly ports: AddressSpaceHandle;
  readonly dma: AddressSpaceHandle;
  /** Id of the IOMMU's region in the topology, and the IOMMU itself. */
  readonly dmaRegion: number;
  readonly iommu: IommuHandle;
  readonly iommuRegion: IommuRegionHandle;
  /** Ids of the regions that change places. */
  readonly twins: readonly number[];
  readonly ledger: SharedArrayBuffer;
  readonly recording: Recording;
  /** Where it begins in the recording. */
  readonly start: number;
  /** Counters that others look at; see `Counter`. */
  readonly counters: SharedArrayBuffer;
  readonly plant: Plant | undefined;
}

/** Doubles in a vCPU's row of counters. */
export const Counter = { ACCESSES: 0, EXITS: 1, SECTIONS: 2, FINDINGS: 3, ROW: 8 } as const;

/** What a vCPU says in the end. */
export interface VcpuResult {
  readonly accesses: number;
  /** Accesses that went to a device. */
  readonly exits: number;
  readonly sections: number;
  /** Accesses to what changes, by what they found: what is settled, or what came or went just then. */
  readonly settled: number;
  readonly overtaken: number;
  /** Accesses to places that showed nothing. */
  readonly holes: number;
  readonly findings: readonly Finding[];
}
