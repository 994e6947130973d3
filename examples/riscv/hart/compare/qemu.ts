/**
 * Runs an image on QEMU's `virt` machine, whose RAM is a file.
 *
 * @module
 */

import { RAM } from "../test_board.ts";
import type { Image } from "./image.ts";

const PROGRAM = "qemu-system-riscv64";
const CPU = "rv64,h=off,zbc=off";

/** The RAM after the image has run to its end. */
export async function runOnQemu(
  { bytes }: Image,
  more: readonly string[] = [],
): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/image`, bytes);
    const mebibytes = Math.ceil(bytes.length / 2 ** 20) + 1;
    const ram = `memory-backend-file,id=ram,size=${mebibytes}M,mem-path=${folder}/ram,share=on`;
    const { code, stderr } = await new Deno.Command(PROGRAM, {
      args: [
        // With one hart, QEMU makes a load and a store of an AMO, and reports faults of the load.
        ...[
          "-smp",
          "2",
          "-machine",
          "virt,memory-backend=ram",
          "-m",
          `${mebibytes}M`,
          "-object",
          ram,
        ],
        ...[
          "-cpu",
          CPU,
          "-bios",
          "none",
          "-display",
          "none",
          "-serial",
          "none",
          "-monitor",
          "none",
        ],
        ...["-device", `loader,file=${folder}/image,addr=${RAM},force-raw=on`, ...more],
      ],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (code) throw new Error(`QEMU ended with ${code}: ${new TextDecoder().decode(stderr)}`);
    return (await Deno.readFile(`${folder}/ram`)).subarray(0, bytes.length);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
