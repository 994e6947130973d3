/**
 * The command line of `deno task riscv`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { integer, UsageError } from "../../lib/command_line/values.ts";
import { type DeviceSpec, parseDevice } from "../run/device_specs.ts";
import { MAX_HARTS } from "../devices/max_harts.ts";

const MIB = 2 ** 20;

/** What the command line asks for. */
export interface Command {
  readonly harts: number;
  /** Bytes of RAM. */
  readonly memory: number;
  /** Names of files. */
  readonly firmware: string;
  readonly kernel?: string | undefined;
  readonly initrd?: string | undefined;
  /** The kernel's command line. */
  readonly append?: string | undefined;
  /** What is plugged into the PCI bus. */
  readonly devices: readonly DeviceSpec[];
  /** Print a report as JSON at the end. */
  readonly json: boolean;
}

/** What `--help` prints. */
export const HELP = `Runs a RISC-V machine like QEMU's virt, with a worker for each hart.

  --firmware FILE   OpenSBI's fw_dynamic.bin
  --kernel FILE     Linux's Image, or Image.gz
  --initrd FILE     the initial RAM disk
  --append TEXT     the kernel's command line ("console=ttyS0 earlycon=sbi" is a good start)
  --drive FILE      a disk: FILE, FILE,readonly=on or FILE,snapshot=on; may be repeated
  --net NAME        a network card; machines of one process with the same NAME reach one another
  --harts N         1 to ${MAX_HARTS} (1)
  --memory SIZE     RAM, such as 512M or 2G; a number alone is in MiB (512M)
  --json            print a report as JSON at the end
  --help            print this

On the console, Ctrl-A x ends the run and Ctrl-A c opens the monitor. The README says where to get
images.

Exit status: 0 if the guest powered off or the user ended the run, 1 if a worker died, 2 if the command
line or an image is wrong, and what the guest gave to the test finisher otherwise.
`;

const VALUES = ["harts", "memory", "firmware", "kernel", "initrd", "append"] as const;

/**
 * Reads the command line.
 *
 * @returns What it asks for, or "help".
 * @throws {UsageError} If a word is unknown, or a value missing or out of range.
 */
export function parseCommand(words: string[]): Command | "help" {
  const args = parseArgs(words, {
    string: [...VALUES, "drive", "net"],
    collect: ["drive", "net"],
    boolean: ["json", "help"],
    unknown: (word) => {
      throw new UsageError(`Cannot run with "${word}": there is no such option`);
    },
  });
  if (args.help) return "help";
  const empty = VALUES.find((name) => args[name] === "");
  if (empty !== undefined) throw new UsageError(`Cannot run with --${empty}: it needs a value`);
  const { firmware, kernel, initrd, append } = args;
  if (firmware === undefined) {
    throw new UsageError("Cannot run without --firmware: give OpenSBI's fw_dynamic.bin");
  }
  if (kernel === undefined && (initrd !== undefined || append !== undefined)) {
    throw new UsageError("Cannot run with --initrd or --append: they need --kernel");
  }
  return {
    harts: integer("harts", args.harts ?? "1", 1, MAX_HARTS),
    memory: parseSize(args.memory ?? "512M"),
    ...{ firmware, kernel, initrd, append },
    devices: devicesOf(args.drive, args.net),
    json: args.json,
  };
}

function devicesOf(drives: readonly string[], networks: readonly string[]): DeviceSpec[] {
  try {
    return [
      ...drives.map((drive, index) => parseDevice(`virtio-blk-pci,id=drive${index},file=${drive}`)),
      ...networks.map((name, index) =>
        parseDevice(`virtio-net-pci,id=net${index},network=${name}`)
      ),
    ];
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The bytes that `512M`, `2G` or `512` stand for. */
function parseSize(word: string): number {
  const [, digits, unit] = /^(\d{1,6})([MG]?)$/i.exec(word) ?? [];
  if (digits === undefined) {
    throw new UsageError(
      `Cannot run with --memory "${word}": it must be a size such as 512M or 2G`,
    );
  }
  return Number(digits) * (unit?.toUpperCase() === "G" ? 1024 : 1) * MIB;
}
