/**
 * NOR flash with Intel's command set (CFI 0001): two chips of 16 bits side by side, as on QEMU's board.
 *
 * While the array can be read, the region is a ROM device in romd mode: loads are direct. The first
 * command takes it out of that mode, so that reads come here, and "read array" puts it back.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";

/** Bytes of an erase block. */
export const FLASH_SECTOR = 256 * 1024;
/** Bytes of the buffer for writing, for both chips. */
const BUFFER_BYTES = 4096;
const MANUFACTURER = 0x89;
const DEVICE = 0x18;

const STATUS = { READY: 0x80, ERASE_ERROR: 0x20, PROGRAM_ERROR: 0x10 } as const;
/** A status or an identifier, as each of the two chips drives it. */
const onBothChips = (value: number): number => value | value << 16;

/** What a flash is connected to. */
export interface FlashWiring {
  /** Bytes of the device. */
  readonly bytes: number;
  /** Its content. */
  content(): Uint8Array;
  /** Switches romd mode. */
  setRomd(isRomd: boolean): void;
}

type Mode = "array" | "status" | "identifier" | "query";
/** What the next write means. */
type Awaited = "command" | "program" | "erase" | "lock" | "count" | "data" | "confirm";

/** A flash device. Accesses are little-endian and up to 4 bytes wide. */
export class CfiFlash {
  readonly #wiring: FlashWiring;
  readonly #query: Uint8Array;
  readonly #buffer = new Map<number, number>();
  #mode: Mode = "array";
  #awaited: Awaited = "command";
  #status: number = STATUS.READY;
  #left = 0;

  constructor(wiring: FlashWiring) {
    this.#wiring = wiring;
    this.#query = queryTable(wiring.bytes);
  }

  /** The callbacks of the region. */
  readonly ops: MemoryRegionOps = {
    valid: { minAccessSize: 1, maxAccessSize: 4 },
    impl: { minAccessSize: 1, maxAccessSize: 4 },
    read: (offset, size) => this.#read(Number(offset), size),
    write: (offset, value, size) => this.#write(Number(offset), value, size),
  };

  #read(offset: number, size: number): number {
    let value: number;
    if (this.#mode === "array") return this.#load(offset, size);
    else if (this.#mode === "status") value = onBothChips(this.#status);
    else if (this.#mode === "identifier") value = this.#identifier(offset >>> 2);
    else value = onBothChips(this.#query[offset >>> 2] ?? 0);
    const shifted = value >>> 8 * (offset & 3);
    return size === 4 ? shifted >>> 0 : shifted & 2 ** (8 * size) - 1;
  }

  #identifier(word: number): number {
    switch (word & 0xff) {
      case 0:
        return onBothChips(MANUFACTURER);
      case 1:
        return onBothChips(DEVICE);
      default:
        return 0;
    }
  }

  #write(offset: number, value: number, size: number): void {
    switch (this.#awaited) {
      case "command":
        return this.#command(offset, value & 0xff);
      case "program":
        this.#program(offset, value, size);
        return this.#finish();
      case "erase":
        if ((value & 0xff) === 0xd0) this.#erase(offset);
        else this.#status |= STATUS.ERASE_ERROR | STATUS.PROGRAM_ERROR;
        return this.#finish();
      case "lock":
        return this.#finish();
      case "count":
        this.#left = (value & 0xffff) + 1;
        this.#awaited = "data";
        this.#buffer.clear();
        return;
      case "data":
        this.#collect(offset, value, size);
        return;
      case "confirm":
        if ((value & 0xff) === 0xd0) this.#programBuffer();
        else this.#status |= STATUS.PROGRAM_ERROR;
        return this.#finish();
    }
  }

  #command(_offset: number, command: number): void {
    switch (command) {
      case 0x10:
      case 0x40:
        return this.#await("program");
      case 0x20:
        return this.#await("erase");
      case 0x50:
        this.#status = STATUS.READY;
        return this.#show("array");
      case 0x60:
        return this.#await("lock");
      case 0x70:
        return this.#show("status");
      case 0x90:
        return this.#show("identifier");
      case 0x98:
        return this.#show("query");
      case 0xe8:
        this.#status |= STATUS.READY;
        return this.#await("count");
      default: // 0x00, 0xf0 and 0xff read the array; what is unknown resets
        return this.#show("array");
    }
  }

  #await(what: Awaited): void {
    this.#show("status");
    this.#awaited = what;
  }

  #finish(): void {
    this.#awaited = "command";
    this.#show("status");
  }

  #show(mode: Mode): void {
    if ((mode === "array") !== (this.#mode === "array")) this.#wiring.setRomd(mode === "array");
    this.#mode = mode;
  }

  #collect(offset: number, value: number, size: number): void {
    for (let byte = 0; byte < size; byte++) {
      this.#buffer.set(offset + byte, value >>> 8 * byte & 0xff);
    }
    if (this.#buffer.size > BUFFER_BYTES) this.#status |= STATUS.PROGRAM_ERROR;
    if (--this.#left === 0) this.#awaited = "confirm";
  }

  #programBuffer(): void {
    for (const [offset, byte] of this.#buffer) this.#program(offset, byte, 1);
    this.#buffer.clear();
  }

  /** Programming clears bits; only erasing sets them. */
  #program(offset: number, value: number, size: number): void {
    const content = this.#wiring.content();
    for (let byte = 0; byte < size; byte++) content[offset + byte]! &= value >>> 8 * byte;
  }

  #erase(offset: number): void {
    const first = offset - offset % FLASH_SECTOR;
    this.#wiring.content().fill(0xff, first, first + FLASH_SECTOR);
  }

  #load(offset: number, size: number): number {
    const content = this.#wiring.content();
    let value = 0;
    for (let byte = size; byte-- > 0;) value = value << 8 | content[offset + byte]!;
    return value >>> 0;
  }
}

/** The table that a CFI query returns, for each of the two chips. */
function queryTable(bytes: number): Uint8Array {
  const table = new Uint8Array(0x52);
  table.set(new TextEncoder().encode("QRY"), 0x10);
  table.set([1, 0, 0x31, 0], 0x13); // Intel's command set, its own table at 0x31
  table.set([0x45, 0x55, 0, 0], 0x1b); // volts, in tenths
  table.set([7, 7, 10, 0, 4, 4, 4, 0], 0x1f); // times, as powers of two
  table[0x27] = Math.log2(bytes / 2);
  table[0x28] = 2; // x16
  table[0x2a] = Math.log2(BUFFER_BYTES / 2);
  table[0x2c] = 1;
  const sectors = bytes / FLASH_SECTOR - 1;
  const perChip = FLASH_SECTOR / 2 / 256;
  table.set([sectors & 0xff, sectors >>> 8, perChip & 0xff, perChip >>> 8], 0x2d);
  table.set(new TextEncoder().encode("PRI10"), 0x31);
  return table;
}
