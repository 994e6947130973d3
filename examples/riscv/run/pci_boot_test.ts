/** Linux drives the devices on the PCI bus, moves a BAR, and sends through a network. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { DeviceSpec } from "./device_specs.ts";
import { boot, enter, IMAGES, onceAt } from "./linux.ts";
import type { RunReport, Supervisor } from "./supervisor.ts";

const initrd = "initrd-full.cpio.gz";
/** How a run ends that is as it should be. */
function isGood({ exit, failures }: RunReport): void {
  assertEquals({ exit, failures }, { exit: { kind: "power-off" }, failures: [] });
}

/** The lines of the view of system memory. */
function systemMemory(text: string): string[] {
  const view = text.split("\n\n").find((block) => block.includes('AS "memory", root: system'));
  return view?.split("\n").filter((line) => line.startsWith("  ")) ?? [];
}

Deno.test({
  name: "Linux maps PCI devices where it maps QEMU's, moves a BAR, and the disk goes on",
  ignore: IMAGES === undefined,
  async fn() {
    const file = await Deno.makeTempFile();
    try {
      const content = crypto.getRandomValues(new Uint8Array(65536));
      const disk = new Uint8Array(1 << 20);
      disk.set(content);
      await Deno.writeFile(file, disk);
      const hash = await crypto.subtle.digest("SHA-256", content);
      const devices: DeviceSpec[] = [
        { driver: "virtio-blk-pci", id: "disk", file, mode: "writable" },
        { driver: "virtio-rng-pci", id: "rng" },
        { driver: "virtio-net-pci", id: "net", network: crypto.randomUUID() },
      ];
      const device = "/sys/bus/pci/devices/0000:00:01.0";
      const sum = "head -c 65536 /dev/vd? | sha256sum";
      let map: Promise<string> | undefined;
      const { report, text } = await boot({
        harts: 2,
        initrd,
        devices,
        commands: [
          "echo MAPPED",
          "read x",
          `echo before $(sed -n 5p ${device}/resource)`,
          "echo 16@0000:00:01.0 > /sys/bus/pci/resource_alignment",
          `echo 1 > ${device}/remove`,
          "echo 1 > /sys/bus/pci/rescan",
          `echo after $(sed -n 5p ${device}/resource)`,
          sum,
          "dd if=/dev/zero of=/dev/vda bs=512 count=1 conv=fsync 2> /dev/null",
          "head -c 8 /dev/hwrng | wc -c",
        ],
        onOutput: onceAt("MAPPED", (machine) => {
          map = machine.ask({ kind: "map", map: { flat: true, dispatch: false } });
          void map.then(() => enter(machine));
        }),
      });
      isGood(report);
      const reference = new URL("../testdata/virt-2-harts-pci-linux.flat.txt", import.meta.url);
      const expected = await Deno.readTextFile(reference);
      assertEquals(systemMemory(await map!), systemMemory(expected));
      assert(expected.includes("virtio-pci-notify-virtio-net"));
      const [before, after] = ["before", "after"].map((name) =>
        new RegExp(`\n${name} (0x\\w+)`).exec(text)?.[1]
      );
      assertEquals(before, "0x0000000400000000");
      assert(after !== undefined && after !== before, text);
      assertStringIncludes(text, new Uint8Array(hash).toHex());
      const written = (await Deno.readFile(file)).subarray(0, 513);
      assert(written.subarray(0, 512).every((byte) => byte === 0));
      assertEquals(written[512], content[512]);
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test({
  name: "two machines of one process reach one another",
  ignore: IMAGES === undefined,
  async fn() {
    const devices: DeviceSpec[] = [
      { driver: "virtio-net-pci", id: "net", network: crypto.randomUUID() },
    ];
    const machines: Supervisor[] = [];
    let ready = 0;
    const start = (own: number, commands: readonly string[]) =>
      boot({
        harts: 1,
        initrd,
        devices,
        commands: [
          `ifconfig eth0 10.0.0.${own} up`,
          "echo LINK-UP",
          "read x",
          ...commands,
        ],
        onOutput: onceAt("LINK-UP", (machine) => {
          machines[own] = machine;
          // The first one begins when both are up; the second one ends when the first has.
          if (++ready === 2) enter(machines[1]!);
        }),
      });
    const second = start(2, ["echo done"]);
    const first = await start(1, ["ping -c 3 -w 60 10.0.0.2"]);
    enter(machines[2]!);
    const { report } = await second;
    assertStringIncludes(first.text, "3 packets received");
    isGood(first.report);
    isGood(report);
  },
});
