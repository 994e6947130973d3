import type { FlatViewError } from "../errors/flat_view_error.ts";
import { malformedLine } from "./malformed_line.ts";
import { PRINTED_KINDS } from "./printed_kind.ts";
import type {
  PrintedAddressSpace,
  PrintedDispatchLine,
  PrintedRange,
  PrintedView,
} from "./printed_view.ts";

const RANGE = new RegExp(
  String.raw`^(  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio (-?\d+), ((?:nv-)?(?:${
    PRINTED_KINDS.join("|")
  }))\): (.*?)(?: @([0-9a-f]{16}))?)(?: orphan|(?: (?:owner|parent):\{.*\})+)?(?: KVM)*$`,
);

/**
 * Parses the line of a range.
 *
 * @param line The line's number in the text; 0 if it has none.
 * @returns The range; null if the text is not such a line.
 */
export function parseRange(text: string, line: number): PrintedRange | null {
  const match = RANGE.exec(text);
  if (match === null) return null;
  const [, bare, first, last, prio, kind, name, offset] = match;
  return {
    line,
    text: bare!,
    first: BigInt(`0x${first}`),
    last: BigInt(`0x${last}`),
    prio: Number(prio),
    kind: kind!,
    name: name!,
    offset: BigInt(`0x${offset ?? "0"}`),
  };
}

const DISPATCH_LINE = new RegExp(
  "^(?:" + [
    " {2}Dispatch",
    " {4}Physical sections",
    " {6}#(?<number>\\d+) @(?<first>[0-9a-f]{16})\\.\\.(?<last>[0-9a-f]{16}) " +
    "(?<name>.*?)(?: \\[.*)?",
    " {4}Nodes \\(\\d+ bits per level, \\d+ levels\\) ptr=\\[\\d+\\] skip=\\d+",
    " {6}\\[\\d+\\]",
    "\\t *\\d+(?:\\.\\.\\d+)? *skip=\\d+  ptr=(?:NIL|#\\d+|\\[\\d+\\])",
  ].join("|") + ")$",
);

/**
 * Parses a line of a dispatch. Labels that come and go, or that repeat what a range says, are left
 * out of its text.
 *
 * @param line The line's number in the text; 0 if it has none.
 * @returns The line; null if the text is not such a line.
 */
export function parseDispatchLine(text: string, line: number): PrintedDispatchLine | null {
  const match = DISPATCH_LINE.exec(text);
  if (match === null) return null;
  const { number, first, last, name } = match.groups!;
  const section = number === undefined ? null : {
    number: Number(number),
    first: BigInt(`0x${first}`),
    last: BigInt(`0x${last}`),
    name: name!,
  };
  return { line, text: text.replace(/ \[MRU\]/, "").replace(/ \[iommu\]/, ""), section };
}

/**
 * Parses the text of `info mtree -f`, with or without `-d`.
 *
 * @param text The monitor's text.
 * @returns The views in the order of the text.
 * @throws {FlatViewError} `MALFORMED_TEXT`, with the line and what was expected there.
 *
 * @example
 * ```ts
 * import { parseFlatViews } from "@guestmem/flatview/mtree";
 * import { assertEquals } from "@std/assert";
 *
 * const [view] = parseFlatViews(`FlatView #0
 *  AS "memory", root: system
 *  Root memory region: system
 *   0000000000000000-000000000009ffff (prio 0, ram): pc.ram
 * `);
 * assertEquals(view!.ranges[0]!.last, 0x9ffffn);
 * ```
 */
export function parseFlatViews(text: string): PrintedView[] {
  return new FlatViewsParser(text.split(/\r?\n/)).parse();
}

class FlatViewsParser {
  readonly #lines: readonly string[];
  /** Index of the next line. */
  #at = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  parse(): PrintedView[] {
    const views: PrintedView[] = [];
    while (this.#at < this.#lines.length) {
      if (this.#lines[this.#at] === "") this.#at++;
      else views.push(this.#view());
    }
    if (views.length === 0) throw malformedLine(this.#lines, -1, `"FlatView #0"`);
    return views;
  }

  #view(): PrintedView {
    if (this.#next(/^FlatView #\d+$/) === null) throw this.#expected(`"FlatView #N"`);
    const addressSpaces: PrintedAddressSpace[] = [];
    for (let m; (m = this.#next(/^ AS "(.*)", root: (.*)$/)) !== null;) {
      addressSpaces.push({ name: m[1]!, ...splitRoot(m[2]!) });
    }
    const root = this.#next(/^ Root memory region: (.*)$/)?.[1];
    if (root === undefined) {
      throw this.#expected(`' AS "NAME", root: ROOT' or " Root memory region: ROOT"`);
    }
    const isEmpty = this.#next(/^ {2}No rendered FlatView$/) !== null;
    const ranges = isEmpty ? [] : this.#ranges();
    const dispatch = this.#lines[this.#at] === "  Dispatch" ? this.#dispatch() : [];
    if (!this.#isAtEnd()) {
      throw this.#expected(
        `a range "  START-END (prio P, KIND): NAME", "  Dispatch" or an empty line`,
      );
    }
    return { addressSpaces, root, ranges, dispatch };
  }

  #ranges(): PrintedRange[] {
    const ranges: PrintedRange[] = [];
    for (; !this.#isAtEnd(); this.#at++) {
      const range = parseRange(this.#lines[this.#at]!, this.#at + 1);
      if (range === null) break;
      ranges.push(range);
    }
    return ranges;
  }

  #dispatch(): PrintedDispatchLine[] {
    const dispatch: PrintedDispatchLine[] = [];
    for (; !this.#isAtEnd(); this.#at++) {
      const line = parseDispatchLine(this.#lines[this.#at]!, this.#at + 1);
      if (line === null) throw this.#expected("a line of a dispatch");
      dispatch.push(line);
    }
    return dispatch;
  }

  /** Whether the next line is empty, or the text is over. */
  #isAtEnd(): boolean {
    return (this.#lines[this.#at] ?? "") === "";
  }

  /** Takes the next line if it matches. */
  #next(pattern: RegExp): RegExpExecArray | null {
    const match = pattern.exec(this.#lines[this.#at] ?? "");
    if (match !== null) this.#at++;
    return match;
  }

  #expected(what: string): FlatViewError {
    return malformedLine(this.#lines, this.#at, what);
  }
}

/** The alias is the last `, alias ` part: a root's name may hold a comma. */
function splitRoot(text: string): { root: string; alias: string | null } {
  const at = text.lastIndexOf(", alias ");
  if (at < 0) return { root: text, alias: null };
  return { root: text.slice(0, at), alias: text.slice(at + ", alias ".length) };
}
