import type { FlatViewError } from "../errors/flat_view_error.ts";
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
  /** Whether the text leaves the line out, and only lines below it show that the region exists. */
  readonly omitted: boolean;
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
  String
    .raw`^(?:\[DETECTED OVERFLOW!\] )?(?<indent> +)(?<start>[0-9a-f]{16})-(?<end>[0-9a-f]{16}) ` +
    String.raw`\(prio (?<prio>-?\d+), (?<nv>nv-)?(?<kind>${PRINTED_KINDS.join("|")})\): ` +
    String
      .raw`(?:alias (?<alias>.*) @(?<target>.*) (?<offset>[0-9a-f]{16})-[0-9a-f]{16}|(?<name>.*?))` +
    String.raw`(?<disabled> \[disabled\])?(?<owner> orphan|(?: (?:owner|parent):\{.*\})+)?$`,
);

const MASK64 = (1n << 64n) - 1n;

/** The parsed text of a tree. */
export interface TreeText {
  /** The blocks in the order of the text. */
  readonly blocks: readonly TreeBlock[];
  /** Whether some line is marked `[disabled]`. Without `-D`, QEMU leaves those lines out. */
  readonly showsDisabled: boolean;
}

/** Name of a region whose line the text leaves out, if nothing else tells it. */
export const OMITTED_NAME = "(disabled)";

/**
 * Parses the text of `info mtree`, with or without `-D` and `-o`.
 *
 * Without `-D` the lines of disabled regions are missing, but not the lines below them. Where those
 * show that a line is missing, because they are indented by a level too many or because a block has
 * no root, a region stands for it that is disabled, and as large as its container.
 *
 * @param text The monitor's text.
 * @returns The blocks.
 * @throws {FlatViewError} `MALFORMED_TEXT`, with the line and what was expected there.
 */
export function parseTree(text: string): TreeText {
  return new TreeParser(text.split(/\r?\n/)).parse();
}

class TreeParser {
  readonly #lines: readonly string[];
  readonly #showsDisabled: boolean;
  readonly #blocks: TreeBlock[] = [];
  /** The kind of the aliases of each target name. */
  readonly #aliasKinds = new Map<string, PrintedKind>();
  /** Index of the next line. */
  #at = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
    let showsDisabled = false;
    for (const line of lines) {
      const { kind, target, disabled } = LINE.exec(line)?.groups ?? {};
      if (target !== undefined) this.#aliasKinds.set(target, kind as PrintedKind);
      showsDisabled ||= disabled !== undefined;
    }
    this.#showsDisabled = showsDisabled;
  }

  parse(): TreeText {
    while (this.#at < this.#lines.length) {
      if (this.#lines[this.#at] === "") this.#at++;
      else this.#block();
    }
    if (this.#blocks.length === 0) throw malformedLine(this.#lines, -1, `"address-space: NAME"`);
    return { blocks: this.#blocks, showsDisabled: this.#showsDisabled };
  }

  #block(): void {
    const { addressSpaces, section } = this.#head();
    if (section === null && addressSpaces.length === 0) {
      throw this.#expected(`"address-space: NAME", "memory-region: NAME" or an empty line`);
    }
    const root = this.#root(section);
    this.#blocks.push({ addressSpaces, root });
    this.#children(root);
  }

  #head(): { addressSpaces: string[]; section: string | null } {
    const addressSpaces: string[] = [];
    for (; this.#at < this.#lines.length; this.#at++) {
      const head = /^(address-space|memory-region): (.*)$/.exec(this.#lines[this.#at]!);
      if (head?.[1] === "address-space") addressSpaces.push(head[2]!);
      else if (head === null || addressSpaces.length > 0) break;
      else {
        this.#at++;
        return { addressSpaces, section: head[2]! };
      }
    }
    return { addressSpaces, section: null };
  }

  #root(section: string | null): TreeLine {
    const line = this.#lines[this.#at] ?? "";
    if (!this.#showsDisabled && (line === "" || line.startsWith("    "))) {
      const kind = this.#aliasKinds.get(section ?? "") ?? "i/o";
      return { ...omittedLine(this.#at), end: MASK64, name: section ?? OMITTED_NAME, kind };
    }
    const { node, indent } = this.#line();
    if (indent !== 2) throw this.#expected("a root, two spaces in");
    if (section !== null && node.name !== section) {
      throw this.#expected(`the region "${section}" that the section is named after`);
    }
    this.#at++;
    return node;
  }

  #children(root: TreeLine): void {
    const open: TreeLine[] = [root];
    for (; this.#at < this.#lines.length && this.#lines[this.#at] !== ""; this.#at++) {
      const { node, indent } = this.#line();
      const level = indent / 2 - 1;
      const isDeep = level > open.length;
      if (!Number.isInteger(level) || level < 1 || (isDeep && this.#showsDisabled)) {
        throw this.#expected(
          `an indent of 4 to ${open.length * 2 + 2} spaces, or an empty line`,
        );
      }
      while (open.length < level) {
        const { start, end, children } = open.at(-1)!;
        const omitted = { ...omittedLine(this.#at), start, end };
        children.push(omitted);
        open.push(omitted);
      }
      open.length = level;
      open[level - 1]!.children.push(node);
      open.push(node);
    }
  }

  #line(): { node: TreeLine; indent: number } {
    const groups = LINE.exec(this.#lines[this.#at] ?? "")?.groups;
    if (groups === undefined) {
      throw this.#expected(
        `"START-END (prio P, KIND): NAME" or "...: alias NAME @TARGET FROM-TO"`,
      );
    }
    const { indent, start, end, prio, nv, kind, alias, target, offset, name } = groups;
    const node: TreeLine = {
      line: this.#at + 1,
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      prio: Number(prio),
      nonvolatile: nv !== undefined,
      kind: kind as PrintedKind,
      name: alias ?? name!,
      alias: alias === undefined ? null : { target: target!, offset: BigInt(`0x${offset}`) },
      enabled: groups["disabled"] === undefined,
      omitted: false,
      owner: (groups["owner"] ?? "").trim(),
      children: [],
    };
    return { node, indent: indent!.length };
  }

  #expected(what: string): FlatViewError {
    return malformedLine(this.#lines, this.#at, what);
  }
}

/** Stands for a line that is missing before line index `at`. */
function omittedLine(at: number): TreeLine {
  return {
    line: at + 1,
    start: 0n,
    end: 0n,
    prio: 0,
    nonvolatile: false,
    kind: "i/o",
    name: OMITTED_NAME,
    alias: null,
    enabled: false,
    omitted: true,
    owner: "",
    children: [],
  };
}
