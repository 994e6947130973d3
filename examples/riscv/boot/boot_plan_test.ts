import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseFlattened } from "../fdt/flattened.ts";
import { BootError } from "./boot_error.ts";
import { type BootOptions, planBoot } from "./boot_plan.ts";
import { type KernelImage, readKernelImage } from "./kernel_image.ts";

const MIB = 2 ** 20;

function options(more: Partial<BootOptions> = {}): BootOptions {
  const firmware = new Uint8Array(300_000).fill(1);
  return { harts: 2, memory: 512 * MIB, firmware, seed: new Uint8Array(32), ...more };
}

function kernel(memory: number): KernelImage {
  return { bytes: new Uint8Array(1000), memory };
}

/** An image with the header that the loader looks for. */
function imageFile(memory: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(4096));
  view.setBigUint64(16, BigInt(memory), true);
  view.setUint32(56, 0x05435352, true);
  return new Uint8Array(view.buffer);
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

Deno.test("images go where QEMU puts them", () => {
  const initrd = new Uint8Array(0xffdb0);
  const plan = planBoot(options({ kernel: kernel(30 * MIB), initrd, bootArguments: "quiet" }));
  assertEquals(plan.map(({ name, address }) => [name, address]), [
    ["the firmware", 0x80000000],
    ["the kernel", 0x80200000],
    ["the initrd", 0x88200000],
    ["the device tree", 0x9fe00000],
    ["the reset vector", 0x1000],
  ]);
  const chosen = parseFlattened(plan[3]!.bytes).children.find(({ name }) => name === "chosen")!;
  assertEquals(new TextDecoder().decode(chosen.properties.get("bootargs")), "quiet\0");
  assertEquals(chosen.properties.get("linux,initrd-end")!.toHex(), "882ffdb0");
});

Deno.test("the reset vector names the firmware, the device tree and the kernel", () => {
  const { bytes } = planBoot(options({ kernel: kernel(MIB) })).at(-1)!;
  const view = new DataView(bytes.buffer);
  const words = [24, 32, 40, 48, 56, 64, 72, 80].map((at) => view.getBigUint64(at, true));
  assertEquals(words, [0x80000000n, 0x9fe00000n, 0x4942534fn, 2n, 0x80200000n, 1n, 0n, 0n]);
});

Deno.test("RAM above 3 GiB does not move the device tree", () => {
  const plan = planBoot(options({ memory: 3000 * MIB }));
  assertEquals(plan.at(-2)!.address, 0xbfe00000);
});

Deno.test("images that do not fit are refused", () => {
  const refuse = (more: Partial<BootOptions>, message: string) =>
    assertThrows(() => planBoot(options(more)), BootError, message);
  refuse({ memory: 32 * MIB }, "Cannot boot with 32 MiB of memory: 64 MiB are the least");
  refuse(
    { memory: 64 * MIB, kernel: kernel(40 * MIB), initrd: new Uint8Array(10) },
    "Cannot boot with 64 MiB of memory: the kernel needs 40 MiB at 0x80200000, and there are 32 MiB",
  );
  refuse({ initrd: new Uint8Array(10), firmware: Uint8Array.of(0x7f, 0x45) }, "ELF file");
});

Deno.test("a kernel is read plain or compressed", async () => {
  const file = imageFile(5 * MIB);
  for (const one of [file, await gzip(file)]) {
    const { bytes, memory } = await readKernelImage("Image", one);
    assertEquals([bytes, memory], [file, 5 * MIB]);
  }
});

Deno.test("what is no kernel is refused by name", async () => {
  const refuse = (file: Uint8Array<ArrayBuffer>, message: string) =>
    assertRejects(() => readKernelImage("vmlinux", file), BootError, message);
  await refuse(new Uint8Array(100), "Cannot boot the kernel vmlinux: it has no header");
  await refuse(new Uint8Array(3), "it has no header");
  await refuse(Uint8Array.of(0x1f, 0x8b, 8), "it does not decompress");
});
