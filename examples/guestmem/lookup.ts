import { type AddressSpace, AddressSpaceReader, RangeFlag, UNASSIGNED } from "@guestmem/flatview";
import { publishMachine } from "@guestmem/flatview/machine";
import { printedKind } from "@guestmem/flatview/mtree";
import type { ReadGuard } from "@guestmem/rcu";
import { UsageError } from "../lib/command_line/values.ts";
import { EXIT_OK } from "../lib/command_line/program.ts";
import type { Environment } from "./command.ts";
import { readMachine } from "./machine_file.ts";
import { createMemory } from "./memory.ts";

/** `lookup FILE.json --as NAME ADDRESS...`: prints region, offset and kind of addresses. */
export async function lookup(
  file: string,
  name: string,
  addresses: readonly string[],
  env: Environment,
): Promise<number> {
  const wanted = addresses.map(parseAddress);
  const { arena, domain } = createMemory();
  const { topology } = publishMachine(await readMachine(file, env), { arena, domain });
  const spaces = topology.addressSpaces.filter((space) => space.name === name);
  if (spaces.length === 0) {
    const names = [...new Set(topology.addressSpaces.map((space) => `"${space.name}"`))];
    throw new UsageError(`--as: expected one of ${names.join(", ")}, found "${name}"`);
  }
  const reader = domain.register();
  const guard = reader.lock();
  for (const space of spaces) {
    if (spaces.length > 1) env.out(`${space.name}, root ${space.root.name}:`);
    const attached = AddressSpaceReader.attach(arena, space.handle);
    for (const address of wanted) env.out(describe(space, attached, guard, address));
  }
  guard.unlock();
  return EXIT_OK;
}

function parseAddress(text: string): bigint {
  if (/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text) && BigInt(text) < 1n << 64n) return BigInt(text);
  throw new UsageError(`expected an address below 2^64, like 0xfee00000, found "${text}"`);
}

function describe(
  space: AddressSpace,
  reader: AddressSpaceReader,
  guard: ReadGuard,
  address: bigint,
): string {
  const at = `0x${address.toString(16)}`;
  const row = reader.lookup(guard, address);
  const id = reader.region(row);
  if (id === UNASSIGNED) return `${at}: unassigned`;
  const region = space.view.regions.find((other) => other.id === id)!;
  const kind = reader.flags(row) & RangeFlag.READONLY ? "rom" : printedKind(region);
  return `${at}: ${region.name} +0x${reader.offset(row, address).toString(16)} ${kind}`;
}
