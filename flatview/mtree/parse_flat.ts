import {
  MachineFormatError,
  PRINTED_KINDS,
  type PrintedAddressSpace,
  type PrintedView,
} from "../machine/format.ts";

/** A range line, taken apart. */
export interface RangeText {
  /** First address. */
  readonly first: bigint;
  /** Last address, inclusive. */
  readonly last: bigint;
  /** Priority of the region. */
  readonly prio: number;
  /** Kind, with `nv-` where printed. */
  readonly kind: string;
  /** Name of the region. */
  readonly name: string;
  /** Offset in the region. */
  readonly offset: bigint;
}

const RANGE = new RegExp(
  String.raw`^  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio (-?\d+), ((?:nv-)?(?:${
    PRINTED_KINDS.join("|")
  }))\): (.*?)(?: @([0-9a-f]{16}))?(?: orphan|(?: (?:owner|parent):\{.*\})+)?(?: KVM)*$`,
);

/** Takes a range line apart, or returns null if it is none. */
export function parseRange(line: string): RangeText | null {
  const match = RANGE.exec(line);
  if (match === null) return null;
  const [, first, last, prio, kind, name, offset] = match;
  return {
    first: BigInt(`0x${first}`),
    last: BigInt(`0x${last}`),
    prio: Number(prio),
    kind: kind!,
    name: name!,
    offset: BigInt(`0x${offset ?? "0"}`),
  };
}

/**
 * Reads the text of `info mtree -f`, with or without `-d`.
 *
 * @param text The monitor's text.
 * @returns The views in the order of the text.
 * @throws {MachineFormatError} With the line and what was expected there.
 */
export function parseFlatViews(text: string): PrintedView[] {
  const lines = text.split(/\r?\n/);
  const views: PrintedView[] = [];
  for (let at = 0; at < lines.length;) {
    if (lines[at] === "") at++;
    else at = parseView(lines, at, views);
  }
  if (views.length === 0) throw new MachineFormatError(1, "", `"FlatView #0"`, "nothing");
  return views;
}

function parseView(lines: readonly string[], at: number, views: PrintedView[]): number {
  const next = (pattern: RegExp) => {
    const match = pattern.exec(lines[at] ?? "");
    if (match !== null) at++;
    return match;
  };
  if (next(/^FlatView #\d+$/) === null) throw fail(lines, at, `"FlatView #N"`);
  const addressSpaces: PrintedAddressSpace[] = [];
  for (let m; (m = next(/^ AS "(.*)", root: (.*)$/)) !== null;) {
    addressSpaces.push({ name: m[1]!, ...splitRoot(m[2]!) });
  }
  const root = next(/^ Root memory region: (.*)$/);
  if (root === null) {
    throw fail(lines, at, `' AS "NAME", root: ROOT' or " Root memory region: ROOT"`);
  }
  const ranges: string[] = [];
  const dispatch: string[] = [];
  if (next(/^ {2}No rendered FlatView$/) === null) at = readRanges(lines, at, ranges);
  if (lines[at] === "  Dispatch") at = readDispatch(lines, at, dispatch);
  if (at < lines.length && lines[at] !== "") {
    throw fail(
      lines,
      at,
      `a range "  START-END (prio P, KIND): NAME", "  Dispatch" or an empty line`,
    );
  }
  views.push({ addressSpaces, root: root[1]!, ranges, dispatch });
  return at;
}

/** The alias is the last `, alias ` part: a root's name may hold a comma. */
function splitRoot(text: string): { root: string; alias: string | null } {
  const at = text.lastIndexOf(", alias ");
  if (at < 0) return { root: text, alias: null };
  return { root: text.slice(0, at), alias: text.slice(at + ", alias ".length) };
}

function readRanges(lines: readonly string[], at: number, ranges: string[]): number {
  for (; parseRange(lines[at] ?? "") !== null; at++) {
    // Without the owner, and without the mark of what KVM has a slot for.
    ranges.push(lines[at]!.replace(/(?: orphan|(?: (?:owner|parent):\{.*\})+)?(?: KVM)*$/, ""));
  }
  return at;
}

const DISPATCH_LINE = new RegExp(
  "^(?:" + [
    " {2}Dispatch",
    " {4}Physical sections",
    " {6}#\\d+ @[0-9a-f]{16}\\.\\.[0-9a-f]{16} .*",
    " {4}Nodes \\(\\d+ bits per level, \\d+ levels\\) ptr=\\[\\d+\\] skip=\\d+",
    " {6}\\[\\d+\\]",
    "\\t *\\d+(?:\\.\\.\\d+)? *skip=\\d+  ptr=(?:NIL|#\\d+|\\[\\d+\\])",
  ].join("|") + ")$",
);

/** Labels that come and go, or say what a range says already, are left out of comparisons. */
function readDispatch(lines: readonly string[], at: number, dispatch: string[]): number {
  for (; at < lines.length && lines[at] !== ""; at++) {
    if (!DISPATCH_LINE.test(lines[at]!)) throw fail(lines, at, "a line of a dispatch");
    dispatch.push(lines[at]!.replace(/ \[MRU\]/, "").replace(/ \[iommu\]/, ""));
  }
  return at;
}

function fail(lines: readonly string[], at: number, expected: string): MachineFormatError {
  return new MachineFormatError(at + 1, "", expected, JSON.stringify(lines[at] ?? "end of text"));
}
