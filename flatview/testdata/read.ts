/** Reads the recorded machines for tests. */
import { type Machine, parseMachine } from "@guestmem/flatview/machine";

/** The machines that are recorded with the monitor's text. */
export const MACHINES: readonly string[] = [
  "40p.s05",
  "aarch64-microbit",
  "alpha-clipper",
  "avr-arduino-uno",
  "hppa-hppa",
  "i386-isapc.defaults",
  "m68k-next-cube",
  "or1k-or1k-sim",
  "pc-bridge-chain8.s00",
  "powernv9.s07",
  "q35-vtd-ovmf.s00",
];

/** Large machines, without text. */
export const LARGE: readonly string[] = ["pc-112-virtio-net", "q35-255-virtio-net"];

/** Machines of QEMU 11.1, with the text of `info mtree`, with and without `-D -o`, and of `-f -d`. */
export const MACHINES_11: readonly string[] = [
  "qemu11-aarch64-imx8mm-evk",
  "qemu11-aarch64-raspi4b",
  "qemu11-arm-ast2600-evb",
  "qemu11-x86_64-pc-q35",
];

/** The text of a compressed file. */
export async function readPacked(name: string): Promise<string> {
  const bytes = await Deno.readFile(new URL(`./${name}.gz`, import.meta.url));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

/** A recorded machine, from its JSON. */
export async function readRecorded(name: string): Promise<Machine> {
  return parseMachine(await readPacked(`${name}.json`));
}
