/**
 * The JSON form of a machine: its regions, its address spaces and what QEMU printed of them.
 */

/** One region of a machine file. Numbers that may pass 2^53 are hex text. */
export interface MachineRegion {
  /** Unique in the file; also the order in which the tree's text names the regions. */
  readonly id: number;
  /** Name as printed. */
  readonly name: string;
  /** Offset in the container. */
  readonly addr: bigint;
  /** Size in bytes, up to 2^64. */
  readonly size: bigint;
  /** Priority among siblings. */
  readonly prio: number;
  /** The printed kind, seen through aliases, without `nv-`. */
  readonly kind: PrintedKind;
  /** Whether it is enabled. */
  readonly enabled: boolean;
  /** Whether it answers accesses itself. */
  readonly terminates: boolean;
  /** Its own readonly flag. */
  readonly readonly: boolean;
  /** Its own nonvolatile flag. */
  readonly nonvolatile: boolean;
  /** Id of an alias's target. */
  readonly alias: number | null;
  /** Where in its target an alias starts. */
  readonly aliasOffset: bigint;
  /** Ids of the regions in it, in the list's order. */
  readonly subregions: readonly number[];
}

/** The kinds that QEMU's monitor prints. */
export type PrintedKind = "ramd" | "romd" | "rom" | "ram" | "i/o";

/** The kinds that QEMU's monitor prints, in the order in which it looks for the first that fits. */
export const PRINTED_KINDS: readonly PrintedKind[] = ["ramd", "romd", "rom", "ram", "i/o"];

/** An address space of a machine file. */
export interface MachineAddressSpace {
  /** Name; names may repeat. */
  readonly name: string;
  /** Id of the root region. */
  readonly root: number;
}

/** An address space as the head of a printed view names it. */
export interface PrintedAddressSpace {
  /** Name of the address space. */
  readonly name: string;
  /** Name of its root. */
  readonly root: string;
  /** Name of the root's alias target, if the root is an alias. */
  readonly alias: string | null;
}

/** A flat view as QEMU printed it. */
export interface PrintedView {
  /** The address spaces that share it. */
  readonly addressSpaces: readonly PrintedAddressSpace[];
  /** Name of the physical root, `(none)` for the empty view. */
  readonly root: string;
  /** The lines of the ranges. */
  readonly ranges: readonly string[];
  /** The lines of the dispatch, without `[MRU]` and `[iommu]`; none for an empty view. */
  readonly dispatch: readonly string[];
}

/** A whole machine file. */
export interface Machine {
  /** Name of the machine. */
  readonly machine: string;
  /** Bits of a page of the dispatch. */
  readonly pageBits: number;
  /** What the bits that the text does not print were told from. */
  readonly evidence: string;
  /** The regions, by id. */
  readonly regions: readonly MachineRegion[];
  /** The address spaces; their order means nothing. */
  readonly addressSpaces: readonly MachineAddressSpace[];
  /** What QEMU printed. */
  readonly views: readonly PrintedView[];
}

/** A file that is not what it should be: where, and what was expected there. */
export class MachineFormatError extends Error {
  /** The name of the class. */
  override name = "MachineFormatError";
  /** Line of the file, 1 for the first; 0 where none is known. */
  readonly line: number;
  /** Path inside the JSON, or a description of the place. */
  readonly where: string;
  /** What was expected there. */
  readonly expected: string;

  /** Builds the message from the place and what was expected. */
  constructor(line: number, where: string, expected: string, found?: string) {
    const place = [line > 0 ? `line ${line}` : "", where].filter((part) => part !== "").join(", ");
    super(`${place}: expected ${expected}${found === undefined ? "" : `, found ${found}`}`);
    this.line = line;
    this.where = where;
    this.expected = expected;
  }
}
