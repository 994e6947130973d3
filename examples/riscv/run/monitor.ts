/**
 * The monitor's commands about the map, in QEMU's words.
 *
 * @module
 */

import { liveViews, printFlatViews, printTree } from "@guestmem/flatview/mtree";
import type { VirtMachine } from "../machine/virt_machine.ts";

/** Answers `info mtree` with its options. */
export function answerMonitor({ topology }: VirtMachine, command: string): string {
  const options = command.split(/\s+/).slice(2);
  if (options.includes("-f")) {
    return printFlatViews(liveViews(topology, options.includes("-d"))).join("\n");
  }
  return printTree(topology.addressSpaces).join("\n");
}
