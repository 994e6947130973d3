/**
 * Machines: the JSON form of QEMU's region trees and views, importing it from the monitor's text,
 * building it, comparing what is rendered here with what QEMU printed, and replaying boot traces.
 *
 * @module
 */

export {
  buildMachine,
  type BuiltMachine,
  type RegionWiring,
  type WireRegion,
} from "./build_machine.ts";
export { buildOneByOne } from "./build_one_by_one.ts";
export { compareViews, type Comparison, type Exactness } from "./compare_views.ts";
export { type ImportedMachine, importMachine, type ImportOptions } from "./import_machine.ts";
export { type Finding, type ImportReport, printImportReport } from "./import_report.ts";
export type { Machine, MachineAddressSpace, MachineRegion } from "./machine.ts";
export { parseMachine } from "./parse_machine.ts";
export { printMachine } from "./print_machine.ts";
export { type PublishedMachine, publishMachine } from "./publish_machine.ts";
export { Replay, type ReplayCounts, type ReplayedLine } from "./replay.ts";
export { parseTraceLine, type TraceAccess, type TraceLine } from "./trace_line.ts";
