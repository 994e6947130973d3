/**
 * The messages between a run and its workers.
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

/** First message to the devices' worker. */
export interface DeviceOrder {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  readonly channel: MmioChannelHandle;
}

/** Second message, when the machine is built: serve until the word is not 0. */
export interface ServeOrder {
  readonly devices: readonly DeviceEntry[];
  readonly stop: SharedArrayBuffer;
}

/** The devices' worker's result. */
export interface DeviceResult {
  readonly served: number;
  readonly findings: readonly Finding[];
}

/** A vCPU's orders. */
export interface VcpuOrder extends VcpuHandles {
  readonly number: number;
  readonly seed: number;
  readonly ports: AddressSpaceHandle;
  readonly dma: AddressSpaceHandle;
  /** Id of the IOMMU's region in the topology; the IOMMU itself follows. */
  readonly dmaRegion: number;
  readonly iommu: IommuHandle;
  readonly iommuRegion: IommuRegionHandle;
  /** Ids of the regions that are swapped. */
  readonly twins: readonly number[];
  readonly ledger: SharedArrayBuffer;
  readonly recording: Recording;
  /** Index in the recording at which it begins. */
  readonly start: number;
  /** Counters that the control context reads; see `Counter`. */
  readonly counters: SharedArrayBuffer;
  readonly plant: Plant | undefined;
}

/** Doubles in a vCPU's row of counters. */
export const Counter = { ACCESSES: 0, EXITS: 1, SECTIONS: 2, FINDINGS: 3, ROW: 8 } as const;

/** A vCPU's result. */
export interface VcpuResult {
  readonly accesses: number;
  /** Accesses that went to a device. */
  readonly exits: number;
  readonly sections: number;
  /** Accesses to places, by what they found: the settled version, or one announced just then. */
  readonly settled: number;
  readonly overtaken: number;
  /** Accesses that found a place empty. */
  readonly holes: number;
  readonly findings: readonly Finding[];
}
