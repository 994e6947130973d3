/**
 * The text of QEMU's `info mtree`: printing the tree, the flat views and the dispatches to the
 * letter, and parsing them. To import a machine from the text, see `@guestmem/flatview/machine`.
 *
 * @module
 */

export { type Dialect, dialectOf } from "./dialect.ts";
export { liveViews } from "./live_views.ts";
export { parseFlatViews } from "./parse_flat_views.ts";
export { printFlatViews } from "./print_flat_views.ts";
export { printTree } from "./print_tree.ts";
export { printedKind } from "./printed_kind.ts";
export type { PrintedView } from "./printed_view.ts";
