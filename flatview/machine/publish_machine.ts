import { Topology, type TopologyOptions } from "../topology/topology.ts";
import { buildMachine, type BuiltMachine } from "./build_machine.ts";
import type { Machine } from "./machine.ts";

/** A machine whose address spaces readers can attach to. */
export interface PublishedMachine extends BuiltMachine {
  /** The topology, with an address space for each of the machine's. */
  readonly topology: Topology;
}

/**
 * Builds a machine as a new topology and publishes its address spaces.
 *
 * @param machine The machine, whose page size the topology takes.
 * @param options Arena and domain.
 * @throws {ArenaExhaustedError} And the errors of rendering and of the map.
 */
export function publishMachine(machine: Machine, options: TopologyOptions): PublishedMachine {
  const topology = new Topology({ ...options, pageBits: machine.pageBits });
  const built = topology.transaction(() => {
    const built = buildMachine(machine, topology);
    for (const { name, root } of built.addressSpaces) topology.createAddressSpace(name, root);
    return built;
  });
  return { ...built, topology };
}
