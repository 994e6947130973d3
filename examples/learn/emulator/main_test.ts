import { assertEquals } from "@std/assert";

Deno.test("the guest prints from ROM, finds the moved BAR, and loses its DIMM", async () => {
  const { blocks, printed, seen } = await import("./main.ts");
  assertEquals(printed, "Hello from the ROM");
  assertEquals(seen, [0xcafe, 0]);
  assertEquals(blocks.blocks().map(({ name }) => name), ["ram", "bios"]);
  assertEquals(blocks.retired(), []);
});

Deno.test("it takes 35 lines", async () => {
  const sources = await Promise.all(["main.ts", "worker.ts"].map((name) => {
    return Deno.readTextFile(new URL(name, import.meta.resolve("./")));
  }));
  const lines = sources.flatMap((source) => source.split("\n"))
    .filter((line) => line.trim() !== "" && !/^\s*(\/\/|\/\*|\*)/.test(line));
  assertEquals(lines.length, 35);
});
