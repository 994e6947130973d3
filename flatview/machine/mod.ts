/**
 * Machines: the JSON form of QEMU's region trees and views, importing it from the monitor's text,
 * building it, and comparing what is rendered here with what QEMU printed.
 *
 * @module
 */

export { buildMachine, type BuiltMachine } from "./build_machine.ts";
export { compareViews } from "./compare_views.ts";
export { importMachine } from "./import_machine.ts";
export { type ImportReport, printImportReport } from "./import_report.ts";
export type { Machine, MachineRegion } from "./machine.ts";
export { parseMachine } from "./parse_machine.ts";
export { printMachine } from "./print_machine.ts";
export { publishMachine } from "./publish_machine.ts";
