import { liveViews, printFlatViews, printTree } from "@guestmem/flatview/mtree";
import type { VirtMachine } from "../machine/virt_machine.ts";

/** How `info mtree` is asked. */
export interface MapQuestion {
  /** `-f`: the flat views instead of the tree. */
  readonly flat: boolean;
  /** `-d`: with their dispatches. */
  readonly dispatch: boolean;
}

/** The text of `info mtree`, as QEMU 7.2 prints it with `-D`. In the context that owns the machine. */
export function mapText({ topology }: VirtMachine, { flat, dispatch }: MapQuestion): string {
  const lines = flat
    ? printFlatViews(liveViews(topology, dispatch))
    : printTree(topology.addressSpaces);
  return lines.join("\n");
}
