/** Boots Linux, if images are to be had. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { boot, IMAGES } from "./linux.ts";

for (const harts of [1, 2]) {
  Deno.test({
    name: `Linux boots to its shell and powers off, harts: ${harts}`,
    ignore: IMAGES === undefined,
    async fn() {
      const { report, text } = await boot({ harts, initrd: "initrd-min.cpio.gz" });
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
  ignore: IMAGES === undefined,
  async fn() {
    const commands = ["ls /sys/bus/platform/drivers/goldfish_rtc", "cat /proc/interrupts"];
    const { report, text } = await boot({ harts: 2, initrd: "initrd-full.cpio.gz", commands });
    assertStringIncludes(text, "on 2 harts");
    assertStringIncludes(text, "101000.rtc");
    assertStringIncludes(text, "SiFive PLIC");
    // Not stalls and lockups: whether the guest sees one depends on how busy the host is.
    for (const bad of ["Oops", "Unable to handle", "unhandled signal"]) {
      assert(!text.includes(bad), text);
    }
    assertEquals([report.exit, report.failures], [{ kind: "power-off" }, []]);
  },
});
