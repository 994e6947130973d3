import { Topology } from "../topology/topology.ts";
import { buildMachine, type BuiltMachine } from "./build_machine.ts";
import type { ViewMemory, ViewReclaimer } from "../view/view_memory.ts";
import type { Machine } from "./machine.ts";

/**
 * Builds a machine as a new topology and publishes its address spaces.
 *
 * @param machine The machine, whose page size the topology takes.
 * @param memory The arena and its domain.
 * @returns The machine, with an address space in the topology for each of its own.
 * @throws {ArenaExhaustedError} And the errors of rendering and of the map.
 */
export function publishMachine(
  machine: Machine,
  memory: { readonly arena: ViewMemory; readonly domain: ViewReclaimer },
): BuiltMachine {
  const topology = new Topology({ ...memory, pageBits: machine.pageBits });
  return topology.transaction(() => {
    const built = buildMachine(machine, topology);
    for (const { name, root } of built.addressSpaces) topology.createAddressSpace(name, root);
    return built;
  });
}
