/** Archives are read by the system's own `cpio` format, here by its documented fields. */

import { assertEquals } from "@std/assert";
import { writeCpio } from "./cpio.ts";

/** Reads an archive by the fields of its records. */
function readCpio(archive: Uint8Array): [path: string, mode: number, text: string][] {
  const text = (at: number, length: number) =>
    new TextDecoder().decode(archive.subarray(at, at + length));
  const found: [string, number, string][] = [];
  for (let at = 0;;) {
    assertEquals(text(at, 6), "070701");
    const field = (index: number) => parseInt(text(at + 6 + index * 8, 8), 16);
    const mode = field(1), nameLength = field(11), size = field(6);
    const path = text(at + 110, nameLength - 1);
    const dataAt = at + 110 + nameLength + 3 & ~3;
    at = dataAt + size + 3 & ~3;
    if (path === "TRAILER!!!") {
      assertEquals(at, archive.length);
      return found;
    }
    found.push([path, mode, text(dataAt, size)]);
  }
}

Deno.test("files of all lengths, directories and devices", () => {
  const bytes = (length: number) => new Uint8Array(length).fill(0x61);
  const archive = writeCpio([
    { path: "bin", mode: 0o040755 },
    ...[0, 1, 2, 3, 4, 5].map((length) => ({
      path: `bin/${"x".repeat(length + 1)}`,
      mode: 0o100755,
      bytes: bytes(length),
    })),
    { path: "console", mode: 0o020600, device: [5, 1] },
  ]);
  assertEquals(readCpio(archive), [
    ["bin", 0o040755, ""],
    ...[0, 1, 2, 3, 4, 5].map((length): [string, number, string] => [
      `bin/${"x".repeat(length + 1)}`,
      0o100755,
      "a".repeat(length),
    ]),
    ["console", 0o020600, ""],
  ]);
});
