/**
 * Reads the images that the command line names.
 *
 * @module
 */

import { BootError } from "../boot/boot_error.ts";
import { type Piece, planBoot } from "../boot/boot_plan.ts";
import { readKernelImage } from "../boot/kernel_image.ts";
import { largestMemory } from "../machine/virt_machine.ts";
import type { Command } from "./options.ts";

/** Reads a file. */
export type ReadFile = (name: string) => Promise<Uint8Array<ArrayBuffer>>;

/**
 * Reads and places the images.
 *
 * @throws {BootError} If one is missing, is wrong or does not fit.
 */
export async function loadImages(command: Command, readFile: ReadFile): Promise<readonly Piece[]> {
  checkMemory(command);
  const read = async (what: string, name: string) => {
    try {
      return await readFile(name);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new BootError(`Cannot read the ${what} ${name}: ${reason}`);
    }
  };
  const { harts, memory, kernel, initrd, append } = command;
  const firmware = await read("firmware", command.firmware);
  const image = kernel === undefined
    ? undefined
    : await readKernelImage(kernel, await read("kernel", kernel));
  const disk = initrd === undefined ? undefined : await read("initrd", initrd);
  return planBoot({
    ...{ harts, memory, firmware, kernel: image, initrd: disk, bootArguments: append },
    seed: crypto.getRandomValues(new Uint8Array(32)),
  });
}

/** Guest RAM shares 4 GiB, which is what WebAssembly reaches, with the harts' state. */
function checkMemory({ harts, memory }: Command): void {
  const most = largestMemory(harts);
  if (memory <= most) return;
  const [given, limit] = [memory, most].map((bytes) => Math.ceil(bytes / 2 ** 20));
  throw new BootError(`Cannot boot with ${given} MiB of memory: ${limit} MiB are the most`);
}
