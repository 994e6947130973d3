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
 *
 * @example
 * ```ts
 * import { importMachine, parseMachine, printMachine, publishMachine } from "@guestmem/flatview/machine";
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const { machine } = importMachine(`address-space: memory
 *   0000000000000000-ffffffffffffffff (prio 0, i/o): system
 *     0000000000000000-0000000007ffffff (prio 0, ram): pc.ram
 * `, { name: "small" });
 * const read = parseMachine(printMachine(machine)); // to a file, and back
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const { topology } = publishMachine(read, { arena, domain: RcuDomain.create(arena) });
 * assertEquals(topology.addressSpaces[0]!.view.regions.map(({ name }) => name), ["pc.ram"]);
 * ```
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
