import { QemuDispatch } from "@guestmem/physmap";
import type { PrintedDispatchLine, PrintedView } from "../mtree/printed_view.ts";

/** The page size of a dispatch, and how it was found. */
export interface PageBits {
  readonly bits: number;
  /** The evidence, or null if there is none. */
  readonly because: string | null;
}

/** Page bits of QEMU's targets, frequent ones first. */
const CANDIDATES = [12, 10, 13, 14, 8, 9, 11, 15, 16];

/**
 * Infers the page size, which is not printed. A subpage container is one page long. Without one, the
 * nodes of a dispatch decide: which slots a range fills depends on the page size.
 */
export function pageBitsOf(views: readonly PrintedView[]): PageBits {
  for (const { section } of views.flatMap(({ dispatch }) => dispatch)) {
    if (section === null || section.number === 0 || section.name !== "(noname)") continue;
    const size = section.last - section.first + 1n;
    return {
      bits: size.toString(2).length - 1,
      because: `section #${section.number} of the dispatch is a subpage container, a page long`,
    };
  }
  const [view] = views.filter(({ dispatch }) => dispatch.length > 0)
    .sort((a, b) => a.dispatch.length - b.dispatch.length);
  const bits = view && CANDIDATES.find((bits) => hasNodes(view, bits));
  return bits === undefined
    ? { bits: 12, because: null }
    : { bits, because: `the nodes of root "${view!.root}" have pages of that size` };
}

function textOf({ text }: PrintedDispatchLine): string {
  return text;
}

/** The lines of a dispatch after its sections. */
function nodesOf(dispatch: readonly string[]): string {
  return dispatch.slice(dispatch.findIndex((line) => line.startsWith("    Nodes"))).join("\n");
}

/** Whether pages of this size give the nodes that were printed. */
function hasNodes(view: PrintedView, pageBits: number): boolean {
  const dispatch = new QemuDispatch(pageBits);
  for (const { first, last } of view.ranges) dispatch.add(first, last, 1);
  return nodesOf(dispatch.print({ name: String })) === nodesOf(view.dispatch.map(textOf));
}
