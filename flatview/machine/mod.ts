/**
 * Machines as files: the JSON form of QEMU's region trees and views, building them, comparing what
 * is rendered here with what QEMU printed, and replaying boot traces over them.
 *
 * @module
 */

export {
  type Machine,
  type MachineAddressSpace,
  MachineFormatError,
  type MachineRegion,
  PRINTED_KINDS,
  type PrintedAddressSpace,
  type PrintedKind,
  type PrintedView,
} from "./format.ts";
export { buildMachine, type BuiltMachine, type RegionWiring, type WireRegion } from "./build.ts";
export { compareViews, type Comparison, type Exactness } from "./compare.ts";
export { buildOneByOne } from "./one_by_one.ts";
export { parseMachine } from "./parse.ts";
export { printMachine } from "./print.ts";
export { type PublishedMachine, publishMachine } from "./publish.ts";
export { Replay, type ReplayCounts, type ReplayedLine } from "./replay.ts";
export { parseTraceLine, type TraceAccess, type TraceLine } from "./trace.ts";
