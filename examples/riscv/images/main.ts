/**
 * Fetches what Linux needs to run on the machine from Debian, and assembles it. Needs a Debian system
 * and changes nothing of it.
 *
 * @module
 */

import { type Output, singleCommand } from "../../lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../lib/command_line/run_program.ts";
import { UsageError } from "../../lib/command_line/values.ts";
import { type CpioEntry, writeCpio } from "./cpio.ts";
import { findFile, mirrorOfSystem, PrivateApt, readXz } from "./debian.ts";
import { INIT_FULL, INIT_MIN, MODULES } from "./init_scripts.ts";

const DIRECTORY = 0o040755, EXECUTABLE = 0o100755, FILE = 0o100644;

/** The program. */
export const IMAGES = singleCommand<Output>({
  command: "deno task riscv:images",
  words: "DIR",
  summary: "Fetches firmware, kernel and initial RAM disks for the RISC-V machine into DIR.",
  details: `Takes the packages opensbi, linux-image-riscv64 and busybox-static from a Debian
archive, by an apt with a folder of its own. Needs apt, dpkg, xz and the archive's
keys, as every Debian system has them.`,
  options: {
    mirror: { value: "URL", help: "the archive (the one that this system uses)" },
    suite: { value: "NAME", help: "the archive's suite (sid)" },
  },
  async run(call, { err }) {
    const mirror = call.value("mirror") ?? await mirrorOfSystem();
    if (mirror === undefined) {
      throw new UsageError("Cannot fetch packages without --mirror: this system has no archive");
    }
    const [into] = call.words as [string];
    await Deno.mkdir(into, { recursive: true });
    const folder = await Deno.makeTempDir();
    try {
      err("fetching the lists of packages");
      const apt = await PrivateApt.create(folder, { mirror, suite: call.value("suite") ?? "sid" });
      err("fetching firmware, kernel and busybox");
      await assemble(await apt.unpack(), into, err);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    return 0;
  },
});

/** Puts the images together from unpacked packages. */
async function assemble(root: string, into: string, say: (line: string) => void): Promise<void> {
  const write = async (name: string, bytes: Uint8Array<ArrayBuffer>) => {
    await Deno.writeFile(`${into}/${name}`, bytes);
    say(`${into}/${name}: ${bytes.length} bytes`);
  };
  const firmware = await findFile(root, "fw_dynamic.bin", (path) => path.includes("riscv64"));
  await write("fw_dynamic.bin", await Deno.readFile(firmware));
  await write("Image.gz", await gzip(await Deno.readFile(await findFile(root, "vmlinuz"))));
  const busybox = await Deno.readFile(
    await findFile(root, "busybox", (path) => path.includes("/bin/")),
  );
  await write("initrd-min.cpio.gz", await initrd(busybox, INIT_MIN, []));
  const modules: CpioEntry[] = [];
  for (const name of MODULES) {
    const bytes = await readXz(await findFile(root, `${name}.ko.xz`));
    modules.push({ path: `lib/modules/${name}.ko`, mode: FILE, bytes });
  }
  await write("initrd-full.cpio.gz", await initrd(busybox, INIT_FULL, modules));
}

/** An initial RAM disk with busybox, a first program and some modules. */
function initrd(
  busybox: Uint8Array,
  init: string,
  modules: readonly CpioEntry[],
): Promise<Uint8Array<ArrayBuffer>> {
  const folders = ["bin", "dev", "proc", "sys", "lib", "lib/modules"];
  return gzip(writeCpio([
    ...folders.map((path) => ({ path, mode: DIRECTORY })),
    { path: "dev/console", mode: 0o020600, device: [5, 1] },
    { path: "bin/busybox", mode: EXECUTABLE, bytes: busybox },
    { path: "init", mode: EXECUTABLE, bytes: new TextEncoder().encode(init) },
    ...modules,
  ]));
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

if (import.meta.main) await runMain(IMAGES, STANDARD_OUTPUT);
