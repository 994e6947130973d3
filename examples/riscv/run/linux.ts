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
  /** What the shell of `initrd-full` runs before it powers off. */
  readonly commands?: readonly string[];
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

/** Printed behind the commands. The guest goes on when it has come: a power-off drops what has not. */
const DONE = "COMMANDS-DONE";

/** Boots until the guest powers off. */
export async function boot(options: BootOptions): Promise<Boot> {
  const { harts, initrd, commands, devices, onOutput } = options;
  const append = commands ? runOf([...commands, `echo ${DONE}`, "read x"]) : "";
  const atDone = onceAt(DONE, enter);
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
      atDone(machine, text);
    },
  });
  const report = await doneOrHung(machine, () => text);
  return { report, text };
}

/** Calls `act` once, when a line of the guest's has come. */
export function onceAt(
  line: string,
  act: (machine: Supervisor) => void,
): (machine: Supervisor, text: string) => void {
  let isDone = false;
  return (machine, text) => {
    if (isDone || !text.includes(`\n${line}`)) return;
    isDone = true;
    act(machine);
  };
}

/** Presses Enter: the guest's `read` goes on. */
export function enter(machine: Supervisor): void {
  machine.type(Uint8Array.of(0x0d));
}

/** Commands for the kernel's command line: a comma stands for a space. */
function runOf(commands: readonly string[]): string {
  return `run=${commands.join(";").replaceAll(" ", ",")}`;
}
