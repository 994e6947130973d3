import { Topology } from "../topology/topology.ts";
import { buildMachine, type BuiltMachine } from "./build_machine.ts";
import type { Machine } from "./machine.ts";

/**
 * Builds a machine as a new topology and publishes its address spaces.
 *
 * @param machine The machine, whose page size the topology takes.
 * @param options Arena and domain.
 * @returns The machine, with an address space in the topology for each of its own.
 * @throws {ArenaExhaustedError} And the errors of rendering and of the map.
 */
export function publishMachine(
  machine: Machine,
  options: NonNullable<ConstructorParameters<typeof Topology>[0]>,
): BuiltMachine {
  const topology = new Topology({ ...options, pageBits: machine.pageBits });
  return topology.transaction(() => {
    const built = buildMachine(machine, topology);
    for (const { name, root } of built.addressSpaces) topology.createAddressSpace(name, root);
    return built;
  });
}
