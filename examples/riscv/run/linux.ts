/**
 * Boots Linux in tests. The images are in the folder that `GUESTMEM_IMAGES` names; without it, or
 * without the permission to read the variable, such tests are skipped. The README says where to get
 * them.
 *
 * @module
 */

import { planBoot } from "../boot/boot_plan.ts";
import { readKernelImage } from "../boot/kernel_image.ts";
import type { DeviceSpec } from "./device_specs.ts";
import { type RunReport, Supervisor } from "./supervisor.ts";
import { doneOrHung } from "./test_machine.ts";
import { WEB_WORKERS } from "./workers_web.ts";

const variable = "GUESTMEM_IMAGES";
const { state } = await Deno.permissions.query({ name: "env", variable });
/** Where the images are; undefined if there are none. */
export const IMAGES = state === "granted" ? Deno.env.get(variable) : undefined;

/** What a test may choose. */
export interface BootOptions {
  readonly harts: number;
  readonly initrd: string;
  /** More of the kernel's command line. */
  readonly append?: string;
  readonly devices?: readonly DeviceSpec[];
  /** Called with the machine and the text that it printed so far. */
  readonly onOutput?: (machine: Supervisor, text: string) => void;
}

/** How a boot went. */
export interface Boot {
  readonly report: RunReport;
  /** What the console printed. */
  readonly text: string;
}

/** Boots until the guest powers off. */
export async function boot(options: BootOptions): Promise<Boot> {
  const { harts, initrd, append = "", devices, onOutput } = options;
  const read = (name: string) => Deno.readFile(`${IMAGES}/${name}`);
  const memory = 2 ** 29;
  const pieces = planBoot({
    harts,
    memory,
    firmware: await read("fw_dynamic.bin"),
    kernel: await readKernelImage("Image.gz", await read("Image.gz")),
    initrd: await read(initrd),
    bootArguments: `console=ttyS0 earlycon=sbi cryptomgr.notests ${append}`,
    seed: new Uint8Array(32),
  });
  let text = "";
  const machine = new Supervisor({
    workers: WEB_WORKERS,
    harts,
    memory,
    pieces,
    devices,
    output: (bytes) => {
      text += new TextDecoder().decode(bytes);
      onOutput?.(machine, text);
    },
  });
  const report = await doneOrHung(machine, () => text);
  return { report, text };
}

/** Commands for the kernel's command line: a comma stands for a space. */
export function runOf(commands: readonly string[]): string {
  return `run=${commands.join(";").replaceAll(" ", ",")}`;
}
