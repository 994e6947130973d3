/**
 * The configuration space of a conventional PCI function: bytes, and which bits of them can be written.
 *
 * @module
 */

/** Bytes of the space. */
export const CONFIGURATION_BYTES = 256;

/** Offsets of registers that more than one file needs. */
export const REGISTER = {
  VENDOR: 0x00,
  DEVICE: 0x02,
  COMMAND: 0x04,
  STATUS: 0x06,
  REVISION: 0x08,
  CLASS: 0x0a,
  BARS: 0x10,
  SUBSYSTEM_VENDOR: 0x2c,
  SUBSYSTEM: 0x2e,
  CAPABILITIES: 0x34,
  INTERRUPT_LINE: 0x3c,
  INTERRUPT_PIN: 0x3d,
} as const;

/** Bits of the command register. */
export const COMMAND = { MEMORY: 0x02, MASTER: 0x04, INTERRUPT_OFF: 0x400 } as const;
/** I/O, memory, master, system errors, no interrupt. */
const COMMAND_MASK = 0x0507;
const CACHE_LINE = 0x0c;
/** From here on the space is the device's: it can be written where no capability lies. */
const DEVICE_SPECIFIC = 0x40;
/** In the status register: the function has capabilities; its interrupt is up. */
const STATUS_CAPABILITIES = 0x10;
const STATUS_INTERRUPT = 0x08;

/** A function's identity. */
export interface Identity {
  readonly vendor: number;
  readonly device: number;
  readonly revision: number;
  /** Class and subclass. */
  readonly classCode: number;
  readonly subsystem: number;
}

/** The space of one function. */
export class ConfigurationSpace {
  readonly #bytes = new DataView(new ArrayBuffer(CONFIGURATION_BYTES));
  readonly #mask = new DataView(new ArrayBuffer(CONFIGURATION_BYTES));

  constructor({ vendor, device, revision, classCode, subsystem }: Identity) {
    const bytes = this.#bytes;
    bytes.setUint16(REGISTER.VENDOR, vendor, true);
    bytes.setUint16(REGISTER.DEVICE, device, true);
    bytes.setUint8(REGISTER.REVISION, revision);
    bytes.setUint16(REGISTER.CLASS, classCode, true);
    bytes.setUint16(REGISTER.SUBSYSTEM_VENDOR, 0x1af4, true);
    bytes.setUint16(REGISTER.SUBSYSTEM, subsystem, true);
    this.#mask.setUint16(REGISTER.COMMAND, COMMAND_MASK, true);
    this.#mask.setUint8(CACHE_LINE, 0xff);
    this.#mask.setUint8(REGISTER.INTERRUPT_LINE, 0xff);
    new Uint8Array(this.#mask.buffer).fill(0xff, DEVICE_SPECIFIC);
  }

  /** Sets bytes that the guest cannot write. */
  set8(offset: number, value: number): void {
    this.#bytes.setUint8(offset, value);
  }

  get16(offset: number): number {
    return this.#bytes.getUint16(offset, true);
  }

  get32(offset: number): number {
    return this.#bytes.getUint32(offset, true);
  }

  set32(offset: number, value: number): void {
    this.#bytes.setUint32(offset, value, true);
  }

  /** Lets the guest write some bits of a register of 32 bits. */
  allow32(offset: number, bits: number): void {
    this.#mask.setUint32(offset, bits, true);
  }

  /** Adds a capability in front of the others: an id, a link, and bytes that the guest cannot write. */
  addCapability(offset: number, id: number, bytes: Uint8Array): void {
    this.set8(offset, id);
    this.set8(offset + 1, this.#bytes.getUint8(REGISTER.CAPABILITIES));
    bytes.forEach((byte, index) => this.set8(offset + 2 + index, byte));
    new Uint8Array(this.#mask.buffer).fill(0, offset, offset + 2 + bytes.length);
    this.set8(REGISTER.CAPABILITIES, offset);
    this.set8(REGISTER.STATUS, this.#bytes.getUint8(REGISTER.STATUS) | STATUS_CAPABILITIES);
  }

  /** Shows whether the function's interrupt is up. */
  showInterrupt(isUp: boolean): void {
    const status = this.#bytes.getUint8(REGISTER.STATUS) & ~STATUS_INTERRUPT;
    this.set8(REGISTER.STATUS, status | (isUp ? STATUS_INTERRUPT : 0));
  }

  /** The guest reads 1, 2 or 4 bytes, at any offset. What is behind the end is zero. */
  read(offset: number, size: number): number {
    let value = 0;
    for (let byte = size; byte-- > 0;) {
      const at = offset + byte;
      value = value << 8 | (at < CONFIGURATION_BYTES ? this.#bytes.getUint8(at) : 0);
    }
    return value >>> 0;
  }

  /** The guest writes. */
  write(offset: number, value: number, size: number): void {
    for (let byte = 0; byte < size && offset + byte < CONFIGURATION_BYTES; byte++) {
      const at = offset + byte, mask = this.#mask.getUint8(at);
      const kept = this.#bytes.getUint8(at) & ~mask;
      this.set8(at, kept | value >>> 8 * byte & mask);
    }
  }

  /** Clears what the guest has written, but for the mask itself. */
  reset(): void {
    for (let at = 0; at < CONFIGURATION_BYTES; at++) {
      this.set8(at, this.#bytes.getUint8(at) & ~this.#mask.getUint8(at));
    }
  }
}
