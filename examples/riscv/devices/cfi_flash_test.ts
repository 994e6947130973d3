import { assertEquals } from "@std/assert";
import { CfiFlash, FLASH_SECTOR } from "./cfi_flash.ts";

function create() {
  const content = new Uint8Array(4 * FLASH_SECTOR);
  const modes: boolean[] = [];
  const flash = new CfiFlash({
    bytes: content.length,
    content: () => content,
    setRomd: (isRomd) => void modes.push(isRomd),
  });
  return {
    ...{ content, modes },
    read: (offset: number, size = 4) => Number(flash.ops.read!(offset, size, {})),
    write: (offset: number, value: number, size = 4) =>
      flash.ops.write!(offset, value, size, {}, 0),
  };
}

/** A command as a driver gives it to both chips. */
const both = (command: number) => command | command << 16;

Deno.test("a query shows the table, on both chips; the array comes back by command", () => {
  const it = create();
  it.content.set([1, 2, 3, 4], 0x100);
  it.write(0x55 * 4, both(0x98));
  const letters = [0x10, 0x11, 0x12].map((word) => it.read(4 * word));
  assertEquals(letters, [both(0x51), both(0x52), both(0x59)]);
  assertEquals([it.read(4 * 0x27) & 0xff, it.read(4 * 0x2d) & 0xff], [19, 3]);
  it.write(0, both(0xff));
  assertEquals([it.read(0x100), it.modes], [0x04030201, [false, true]]);
});

Deno.test("the identifier, then the status: the mode of the region changes only with the array", () => {
  const it = create();
  it.write(0, both(0x90));
  assertEquals([it.read(0), it.read(4)], [both(0x89), both(0x18)]);
  it.write(0, both(0x70));
  assertEquals([it.read(0), it.read(2, 2), it.modes], [both(0x80), 0x80, [false]]);
});

Deno.test("erasing sets bits, programming clears them", () => {
  const it = create();
  it.write(FLASH_SECTOR + 8, both(0x20));
  it.write(FLASH_SECTOR + 8, both(0xd0));
  assertEquals(it.read(0), both(0x80));
  assertEquals([it.content[FLASH_SECTOR - 1], it.content[2 * FLASH_SECTOR]], [0, 0]);
  assertEquals(it.content.subarray(FLASH_SECTOR, 2 * FLASH_SECTOR).every((b) => b === 255), true);
  it.write(FLASH_SECTOR, both(0x40));
  it.write(FLASH_SECTOR, 0x0ff00f0f);
  it.write(FLASH_SECTOR, both(0x40));
  it.write(FLASH_SECTOR, 0xffff00ff);
  it.write(0, both(0xff));
  assertEquals(it.read(FLASH_SECTOR), 0x0ff0000f);
});

Deno.test("a buffer is programmed when it is confirmed", () => {
  const it = create();
  it.content.fill(0xff);
  const write = (confirmation: number) => {
    it.write(0, both(0xe8));
    it.write(0, both(1)); // two words
    it.write(16, 0x11111111);
    it.write(20, 0x22222222);
    it.write(0, both(confirmation));
  };
  write(0x70);
  assertEquals([it.content[16], it.read(0)], [0xff, both(0x90)]); // a program error
  it.write(0, both(0x50));
  write(0xd0);
  it.write(0, both(0xff));
  assertEquals([it.read(16), it.read(20)], [0x11111111, 0x22222222]);
});

Deno.test("an erase that is not confirmed erases nothing, and says so", () => {
  const it = create();
  it.write(0, both(0x20));
  it.write(0, both(0x10));
  assertEquals([it.content[0], it.read(0)], [0, both(0xb0)]);
});
