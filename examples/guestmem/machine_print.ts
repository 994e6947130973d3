import { buildMachine, publishMachine } from "@guestmem/flatview/machine";
import {
  type Dialect,
  dialectOf,
  liveViews,
  printFlatViews,
  printTree,
} from "@guestmem/flatview/mtree";
import { Topology } from "@guestmem/flatview";
import { UsageError } from "../lib/command_line/values.ts";
import { EXIT_OK } from "../lib/command_line/program.ts";
import type { Environment } from "./command.ts";
import { readMachine } from "./machine_file.ts";
import { createMemory } from "./memory.ts";

/** Which part of a machine to print. */
export type Printed = "tree" | "flat" | "dispatch";

/**
 * `machine tree|flat|dispatch FILE.json`: prints as QEMU's `info mtree` does.
 *
 * @param version The QEMU whose text it is; if not given, the one whose text the machine was made from.
 */
export async function machinePrint(
  what: Printed,
  file: string,
  version: string | undefined,
  env: Environment,
): Promise<number> {
  const machine = await readMachine(file, env);
  const dialect = version === undefined
    ? dialectOf(machine.regions.map(({ kind }) => kind))
    : parseDialect(version);
  if (what === "tree") {
    const { addressSpaces } = buildMachine(machine, new Topology());
    printTree(addressSpaces, dialect).forEach(env.out);
    return EXIT_OK;
  }
  const { topology } = publishMachine(machine, createMemory());
  printFlatViews(liveViews(topology, what === "dispatch"), dialect).forEach(env.out);
  return EXIT_OK;
}

function parseDialect(version: string): Dialect {
  if (version === "7.2" || version === "11.1") return `qemu-${version}`;
  throw new UsageError(`--qemu: expected 7.2 or 11.1, found "${version}"`);
}
