import { malformedLine } from "./malformed_line.ts";
import { PRINTED_KINDS, type PrintedKind } from "./printed_kind.ts";

/** A line of `info mtree` and the lines below it. */
export interface TreeLine {
  /** Line of the text, 1 for the first. */
  readonly line: number;
  /** First address as printed. */
  readonly start: bigint;
  /** Last address as printed. */
  readonly end: bigint;
  /** Priority. */
  readonly prio: number;
  /** The prefix `nv-`. */
  readonly nonvolatile: boolean;
  /** Kind, without the prefix. */
  readonly kind: PrintedKind;
  /** Name. */
  readonly name: string;
  /** For an alias: its target's name, and the offset in the target at which it starts. */
  readonly alias: { readonly target: string; readonly offset: bigint } | null;
  /** Whether `[disabled]` is missing. */
  readonly enabled: boolean;
  /** The owner as `-o` printed it; empty without `-o`. */
  readonly owner: string;
  /** The lines below it, by address. */
  readonly children: TreeLine[];
}

/** A block: the tree of one root or of one alias target. */
export interface TreeBlock {
  /** Names of the address spaces; empty for a `memory-region:` section. */
  readonly addressSpaces: readonly string[];
  /** The root of the tree. */
  readonly root: TreeLine;
}

const LINE = new RegExp(
  String.raw`^(?:\[DETECTED OVERFLOW!\] )?( +)([0-9a-f]{16})-([0-9a-f]{16}) ` +
    String.raw`\(prio (-?\d+), (nv-)?(${PRINTED_KINDS.join("|")})\): ` +
    String.raw`(?:alias (.*) @(.*) ([0-9a-f]{16})-[0-9a-f]{16}|(.*?))` +
    String.raw`( \[disabled\])?( orphan|(?: (?:owner|parent):\{.*\})+)?$`,
);

/**
 * Parses the text of `info mtree -D`, with or without `-o`.
 *
 * @param text The monitor's text.
 * @returns The blocks in the order of the text.
 * @throws {FlatViewError} `MALFORMED_TEXT`, with the line and what was expected there.
 */
export function parseTree(text: string): TreeBlock[] {
  const lines = text.split(/\r?\n/);
  const blocks: TreeBlock[] = [];
  for (let i = 0; i < lines.length;) {
    if (lines[i] === "") i++;
    else i = parseBlock(lines, i, blocks);
  }
  if (blocks.length === 0) throw malformedLine(lines, -1, `"address-space: NAME"`);
  return blocks;
}

/** Parses the block that starts at line index `at`. @returns The index after it. */
function parseBlock(lines: readonly string[], at: number, blocks: TreeBlock[]): number {
  const addressSpaces: string[] = [];
  let section: string | null = null;
  for (; at < lines.length; at++) {
    const head = /^(address-space|memory-region): (.*)$/.exec(lines[at]!);
    if (head === null) break;
    if (head[1] === "address-space" && section === null) addressSpaces.push(head[2]!);
    else if (section === null && addressSpaces.length === 0) section = head[2]!;
    else break;
  }
  if (section === null && addressSpaces.length === 0) {
    throw malformedLine(lines, at, `"address-space: NAME", "memory-region: NAME" or an empty line`);
  }
  const root = parseLine(lines, at);
  if (root.indent !== 2) throw malformedLine(lines, at, "a root, two spaces in");
  if (section !== null && root.node.name !== section) {
    throw malformedLine(lines, at, `the region "${section}" that the section is named after`);
  }
  blocks.push({ addressSpaces, root: root.node });
  return parseChildren(lines, at + 1, root.node);
}

function parseChildren(lines: readonly string[], at: number, root: TreeLine): number {
  const open: TreeLine[] = [root];
  for (; at < lines.length && lines[at] !== ""; at++) {
    const { node, indent } = parseLine(lines, at);
    const level = indent / 2 - 1;
    if (!Number.isInteger(level) || level < 1 || level > open.length) {
      throw malformedLine(
        lines,
        at,
        `an indent of 4 to ${open.length * 2 + 2} spaces, or an empty line`,
      );
    }
    open.length = level;
    open[level - 1]!.children.push(node);
    open.push(node);
  }
  return at;
}

function parseLine(lines: readonly string[], at: number): { node: TreeLine; indent: number } {
  const match = LINE.exec(lines[at] ?? "");
  if (match === null) {
    throw malformedLine(
      lines,
      at,
      `"START-END (prio P, KIND): NAME" or "...: alias NAME @TARGET FROM-TO"`,
    );
  }
  const [, indent, start, end, prio, nv, kind, alias, target, offset, name, disabled, owner] =
    match;
  return {
    indent: indent!.length,
    node: {
      line: at + 1,
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      prio: Number(prio),
      nonvolatile: nv !== undefined,
      kind: kind as PrintedKind,
      name: alias ?? name!,
      alias: alias === undefined ? null : { target: target!, offset: BigInt(`0x${offset}`) },
      enabled: disabled === undefined,
      owner: (owner ?? "").trim(),
      children: [],
    },
  };
}
