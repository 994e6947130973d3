/** A machine: its regions, its address spaces, and the views that QEMU printed of them. */

import type { PrintedView } from "../mtree/printed_view.ts";

/** A region of a machine. In the JSON form, numbers that may exceed 2^53 are hex text. */
export interface MachineRegion {
  /** Unique in the machine; also the order in which the tree's text names the regions. */
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
  readonly kind: "ramd" | "romd" | "rom" | "ram" | "container" | "i/o";
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

/** A machine. */
export interface Machine {
  /** Name of the machine. */
  readonly machine: string;
  /** Bits of a page of the dispatch. */
  readonly pageBits: number;
  /** What the bits that the text does not print were inferred from. */
  readonly evidence: string;
  /** The regions, by id. */
  readonly regions: readonly MachineRegion[];
  /** The address spaces; their order means nothing. */
  readonly addressSpaces: readonly {
    /** Name; names may repeat. */
    readonly name: string;
    /** Id of the root region. */
    readonly root: number;
  }[];
  /** The flat views that QEMU printed. */
  readonly views: readonly PrintedView[];
}
