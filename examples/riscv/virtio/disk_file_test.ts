/** Disks on files. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { DiskImage } from "./block.ts";
import { openDisk, overlay } from "./disk_file.ts";

async function withFile(run: (path: string) => void): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, Uint8Array.from({ length: 200_000 }, (_, index) => index));
    run(path);
  } finally {
    await Deno.remove(path);
  }
}

function read(disk: DiskImage, offset: number, length: number): number[] {
  const into = new Uint8Array(length);
  disk.read(offset, into);
  return [...into];
}

Deno.test("a writable disk changes its file", () =>
  withFile((path) => {
    const disk = openDisk(path, "writable");
    assertEquals(disk.bytes, 200_000);
    disk.write(1000, Uint8Array.of(9, 9));
    disk.flush();
    disk.close();
    const again = openDisk(path, "readonly");
    assertEquals(read(again, 999, 4), [999 & 255, 9, 9, 1002 & 255]);
    again.close();
  }));

Deno.test("a snapshot leaves its file alone", () =>
  withFile((path) => {
    const disk = openDisk(path, "snapshot");
    disk.write(65_535, Uint8Array.of(7, 7));
    assertEquals(read(disk, 65_534, 4), [65_534 & 255, 7, 7, 65_537 & 255]);
    disk.close();
    const again = openDisk(path, "readonly");
    assertEquals(read(again, 65_535, 1), [255]);
    again.close();
  }));

Deno.test("a file that ends, or is not there, is an error", () =>
  withFile((path) => {
    const disk = openDisk(path, "readonly");
    assertThrows(() => read(disk, 199_999, 2), Error, "ends at 200000");
    disk.close();
    assertThrows(() => openDisk(`${path}.none`, "readonly"));
  }));

Deno.test("an overlay is the disk that was written to", () => {
  const SIZE = 300_000;
  const edit = fc.record({
    offset: fc.nat(SIZE - 1),
    length: fc.integer({ min: 1, max: 150_000 }),
    value: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 8 }), (edits) => {
      const under = Uint8Array.from({ length: SIZE }, (_, index) => index * 3);
      const image: DiskImage = {
        bytes: SIZE,
        isReadOnly: false,
        read: (offset, into) => into.set(under.subarray(offset, offset + into.length)),
        write: () => {
          throw new Error("the disk below is written to");
        },
        flush: () => {},
      };
      const model = under.slice();
      const disk = overlay(image);
      for (const { offset, length, value } of edits) {
        const bytes = new Uint8Array(Math.min(length, SIZE - offset)).fill(value);
        model.set(bytes, offset);
        disk.write(offset, bytes);
      }
      const all = new Uint8Array(SIZE);
      disk.read(0, all);
      assertEquals(all.findIndex((byte, index) => byte !== model[index]), -1);
    }),
    { seed: 20261125, numRuns: 10 },
  );
});
