import type { PrintedView } from "../machine/format.ts";

/** What the dispatch's text says of the page size. */
export interface PageBits {
  readonly bits: number;
  /** The evidence, or null if there is none. */
  readonly because: string | null;
}

/**
 * The page size is not printed, but a subpage container is a page long. Without one, only the
 * number of levels tells 256 or 512 bytes (7) from more (6).
 */
export function pageBitsOf(views: readonly PrintedView[]): PageBits {
  for (const line of views.flatMap((view) => view.dispatch)) {
    const section = /^ {6}#(\d+) @([0-9a-f]{16})\.\.([0-9a-f]{16}) \(noname\)/.exec(line);
    if (section !== null && section[1] !== "0") {
      const size = BigInt(`0x${section[3]}`) - BigInt(`0x${section[2]}`) + 1n;
      return {
        bits: size.toString(2).length - 1,
        because: `section #${section[1]} of the dispatch is a subpage container, a page long`,
      };
    }
  }
  const seven = views.some((view) =>
    view.dispatch.some((line) => line.includes("level, 7 levels"))
  );
  return { bits: seven ? 8 : 12, because: null };
}
