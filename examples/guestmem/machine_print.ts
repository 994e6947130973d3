import { buildMachine, publishMachine } from "@guestmem/flatview/machine";
import { liveViews, printFlatViews, printTree } from "@guestmem/flatview/mtree";
import { Topology } from "@guestmem/flatview";
import { type Environment, EXIT_OK } from "./command.ts";
import { readMachine } from "./machine_file.ts";
import { createMemory } from "./memory.ts";

/** Which part of a machine to print. */
export type Printed = "tree" | "flat" | "dispatch";

/** `machine tree|flat|dispatch FILE.json`: prints as QEMU's `info mtree` does. */
export async function machinePrint(what: Printed, file: string, env: Environment): Promise<number> {
  const machine = await readMachine(file, env);
  if (what === "tree") {
    printTree(buildMachine(machine, new Topology()).addressSpaces).forEach(env.out);
    return EXIT_OK;
  }
  const { topology } = publishMachine(machine, createMemory());
  printFlatViews(liveViews(topology, what === "dispatch")).forEach(env.out);
  return EXIT_OK;
}
