/**
 * Boots Linux. The images are in the folder that `GUESTMEM_IMAGES` names; without it, or without the
 * permission to read the variable, these tests are skipped. The README says where to get them.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { planBoot } from "../boot/boot_plan.ts";
import { readKernelImage } from "../boot/kernel_image.ts";
import { type RunReport, Supervisor } from "./supervisor.ts";
import { doneOrHung } from "./test_machine.ts";

const variable = "GUESTMEM_IMAGES";
const { state } = await Deno.permissions.query({ name: "env", variable });
const folder = state === "granted" ? Deno.env.get(variable) : undefined;

interface Boot {
  readonly report: RunReport;
  readonly text: string;
}

/** Boots until the guest powers off. */
async function boot(harts: number, initrd: string, append = ""): Promise<Boot> {
  const read = (name: string) => Deno.readFile(`${folder}/${name}`);
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
  const output = (bytes: Uint8Array) => void (text += new TextDecoder().decode(bytes));
  const machine = new Supervisor({ harts, memory, pieces, output });
  const report = await doneOrHung(machine, () => text);
  return { report, text };
}

for (const harts of [1, 2]) {
  Deno.test({
    name: `Linux boots to its shell and powers off, harts: ${harts}`,
    ignore: folder === undefined,
    async fn() {
      const { report, text } = await boot(harts, "initrd-min.cpio.gz");
      assertStringIncludes(text, "INIT-SHELL-REACHED");
      assertEquals([report.exit, report.failures], [{ kind: "power-off" }, []]);
      assertEquals(report.harts.length, harts);
      for (const { instructions } of report.harts) assert(instructions > 10_000_000);
      if (harts > 1) assertStringIncludes(text, `Brought up 1 node, ${harts} CPUs`);
    },
  });
}

Deno.test({
  name: "Linux runs a command on two harts: it sees both and its devices, and nothing crashes",
  ignore: folder === undefined,
  async fn() {
    const run = "run=nproc;ls,/sys/bus/platform/drivers/goldfish_rtc;cat,/proc/interrupts";
    const { report, text } = await boot(2, "initrd-full.cpio.gz", run);
    assertStringIncludes(text, "on 2 harts");
    assertStringIncludes(text, "101000.rtc");
    assertStringIncludes(text, "SiFive PLIC");
    assertStringIncludes(text, "INIT-RUN-EXIT 0");
    // Not stalls and lockups: whether the guest sees one depends on how busy the host is.
    for (const bad of ["Oops", "Unable to handle", "unhandled signal"]) {
      assert(!text.includes(bad), text);
    }
    assertEquals([report.exit, report.failures], [{ kind: "power-off" }, []]);
  },
});
