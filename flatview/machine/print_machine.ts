import type { Machine, MachineRegion } from "./machine.ts";

/**
 * The JSON form of a machine as text: a line for each region, address space and printed line.
 *
 * @param machine The machine.
 * @returns The text, which {@linkcode parseMachine} reads back to the same machine.
 */
export function printMachine(machine: Machine): string {
  const views = machine.views.map((view) =>
    `{
   "addressSpaces": ${list(view.addressSpaces, 4)},
   "root": ${JSON.stringify(view.root)},
   "ranges": ${list(view.ranges.map(({ text }) => text), 4)},
   "dispatch": ${list(view.dispatch.map(({ text }) => text), 4)}
  }`
  );
  return `{
 "machine": ${JSON.stringify(machine.machine)},
 "pageBits": ${machine.pageBits},
 "evidence": ${JSON.stringify(machine.evidence)},
 "regions": ${list(machine.regions.map(regionJson), 2)},
 "addressSpaces": ${list(machine.addressSpaces, 2)},
 "views": [${views.map((view) => `\n  ${view}`).join(",")}${views.length > 0 ? "\n " : ""}]
}
`;
}

function list(items: readonly unknown[], indent: number): string {
  if (items.length === 0) return "[]";
  const space = " ".repeat(indent);
  const lines = items.map((item) => `${space}${JSON.stringify(item)}`);
  return `[\n${lines.join(",\n")}\n${space.slice(1)}]`;
}

function regionJson(region: MachineRegion): Record<string, unknown> {
  return {
    ...region,
    addr: `0x${region.addr.toString(16)}`,
    size: `0x${region.size.toString(16)}`,
    aliasOffset: `0x${region.aliasOffset.toString(16)}`,
  };
}
