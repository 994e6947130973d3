/**
 * The text of QEMU's `info mtree`: printing the tree, the flat views and the dispatches to the
 * letter, and importing a machine from it.
 *
 * @module
 */

export { type ImportedMachine, importMachine, type ImportOptions } from "./import.ts";
export { type Finding, type ImportReport, printImportReport } from "./import_report.ts";
export { printedKind } from "./kind.ts";
export { liveViews } from "./live_views.ts";
export { parseFlatViews, parseRange, type RangeText } from "./parse_flat.ts";
export { parseTree, type TreeBlock, type TreeLine } from "./parse_tree.ts";
export {
  addressSpaceLine,
  printedAddressSpace,
  printFlatViews,
  rangeLine,
  type ViewText,
} from "./print_flat.ts";
export { type NamedRoot, printTree } from "./print_tree.ts";
