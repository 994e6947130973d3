/**
 * The command line of `deno task riscv`.
 *
 * @module
 */

import type { Call, OptionSpec } from "../../lib/command_line/call.ts";
import { UsageError } from "../../lib/command_line/values.ts";
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

/** The options of the command line. */
export const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  images: {
    value: "DIR",
    help: "firmware, kernel and initial RAM disk that riscv:images has fetched into a folder",
  },
  firmware: { value: "FILE", help: "OpenSBI's fw_dynamic.bin; this or --images must be given" },
  kernel: { value: "FILE", help: "Linux's Image, or Image.gz" },
  initrd: { value: "FILE", help: "the initial RAM disk" },
  append: {
    value: "TEXT",
    help: 'the kernel\'s command line ("console=ttyS0 earlycon=sbi" is a good start)',
  },
  drive: {
    value: "FILE",
    help: "a disk: FILE, FILE,readonly=on or FILE,snapshot=on; may be repeated",
    repeats: true,
  },
  net: {
    value: "NAME",
    help: "a network card; machines of one process with the same NAME reach one another",
    repeats: true,
  },
  harts: { value: "N", help: `1 to ${MAX_HARTS} (1)` },
  memory: {
    value: "SIZE",
    help: "RAM, such as 512M or 2G; a number alone is in MiB (512M)",
  },
  json: { help: "print a report as JSON at the end" },
};

/**
 * What the command line asks for.
 *
 * @throws {UsageError} If a value is missing or out of range.
 */
export function commandOf(call: Call): Command {
  const fetched = fetchedImages(call.value("images"));
  const [firmware, kernel, initrd, append] = IMAGES.map((name) =>
    call.value(name) ?? fetched[name]
  );
  if (firmware === undefined) {
    throw new UsageError(
      "Cannot run without --firmware: give OpenSBI's fw_dynamic.bin, or --images",
    );
  }
  if (kernel === undefined && (initrd !== undefined || append !== undefined)) {
    throw new UsageError("Cannot run with --initrd or --append: they need --kernel");
  }
  return {
    harts: call.integer("harts", 1, 1, MAX_HARTS),
    memory: parseSize(call.value("memory") ?? "512M"),
    ...{ firmware, kernel, initrd, append },
    devices: devicesOf(call.values("drive"), call.values("net")),
    json: call.has("json"),
  };
}

const IMAGES = ["firmware", "kernel", "initrd", "append"] as const;

/** What `deno task riscv:images` puts in a folder, and a command line for it. */
function fetchedImages(folder: string | undefined): Partial<Record<typeof IMAGES[number], string>> {
  if (folder === undefined) return {};
  return {
    firmware: `${folder}/fw_dynamic.bin`,
    kernel: `${folder}/Image.gz`,
    initrd: `${folder}/initrd-full.cpio.gz`,
    append: "console=ttyS0 earlycon=sbi",
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
