/**
 * A 16550A serial port, as QEMU's.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";

const FIFO_SIZE = 16;

// Bits of the registers
const IER = { RECEIVED: 1, EMPTY: 2, LINE: 4, MODEM: 8 } as const;
const IIR = { NONE: 1, MODEM: 0, EMPTY: 2, RECEIVED: 4, LINE: 6, TIMEOUT: 12, FIFO: 0xc0 } as const;
const FCR = { ENABLE: 1, CLEAR_RECEIVED: 2, CLEAR_SENT: 4 } as const;
const LCR_DIVISOR = 0x80;
const MCR_LOOP = 0x10;
const LSR = { READY: 1, OVERRUN: 2, EMPTY: 0x20, IDLE: 0x40 } as const;
/** The other side is there: carrier, ready, clear to send. */
const MSR_CONNECTED = 0xb0;
/** Bytes in the FIFO from which the interrupt is that of received data. */
const TRIGGERS = [1, 4, 8, 14];

/** What a serial port is connected to. */
export interface UartWiring {
  /** A byte was sent. It is gone at once: the port has no speed. */
  transmit(byte: number): void;
  /** The interrupt line changed. */
  setLine(isUp: boolean): void;
}

/** A serial port. */
export class Uart {
  readonly #wiring: UartWiring;
  /** What the host sent, as far as the FIFO has no room for it. */
  readonly #waiting: number[] = [];
  readonly #fifo: number[] = [];
  #interruptEnable = 0;
  #fifoControl = 0;
  #lineControl = 0;
  #modemControl = 0;
  #scratch = 0;
  #divisor = 12;
  #overrun = 0;
  /** Whether the interrupt of the empty transmitter is due. */
  #emptyPending = false;
  #isUp = false;

  constructor(wiring: UartWiring) {
    this.#wiring = wiring;
  }

  /** The callbacks of the region. Each access is to one register, whatever its size. */
  readonly ops: MemoryRegionOps = {
    valid: { minAccessSize: 1, maxAccessSize: 8 },
    impl: { minAccessSize: 1, maxAccessSize: 8 },
    read: (offset) => {
      const value = this.#read(Number(offset));
      this.#update();
      return value;
    },
    write: (offset, value) => {
      this.#write(Number(offset), value & 0xff);
      this.#update();
    },
  };

  /** The host sends bytes. The guest gets them as fast as it reads. */
  receive(bytes: Iterable<number>): void {
    this.#waiting.push(...bytes);
    this.#fill();
    this.#update();
  }

  #read(register: number): number {
    switch (register) {
      case 0:
        return this.#isDivisor ? this.#divisor & 0xff : this.#take();
      case 1:
        return this.#isDivisor ? this.#divisor >>> 8 : this.#interruptEnable;
      case 2:
        return this.#identify();
      case 3:
        return this.#lineControl;
      case 4:
        return this.#modemControl;
      case 5: {
        const ready = this.#fifo.length > 0 ? LSR.READY : 0;
        const status = LSR.EMPTY | LSR.IDLE | ready | this.#overrun;
        this.#overrun = 0;
        return status;
      }
      case 6:
        return this.#modemStatus();
      default:
        return this.#scratch;
    }
  }

  #write(register: number, value: number): void {
    switch (register) {
      case 0:
        if (this.#isDivisor) this.#divisor = this.#divisor & 0xff00 | value;
        else this.#send(value);
        break;
      case 1:
        if (this.#isDivisor) this.#divisor = value << 8 | this.#divisor & 0xff;
        else {
          // The transmitter is always empty: enabling its interrupt makes it due.
          if (value & ~this.#interruptEnable & IER.EMPTY) this.#emptyPending = true;
          this.#interruptEnable = value & 0xf;
        }
        break;
      case 2:
        this.#controlFifo(value);
        break;
      case 3:
        this.#lineControl = value;
        break;
      case 4:
        this.#modemControl = value & 0x1f;
        break;
      case 7:
        this.#scratch = value;
    }
  }

  get #isDivisor(): boolean {
    return (this.#lineControl & LCR_DIVISOR) !== 0;
  }

  #send(byte: number): void {
    this.#emptyPending = true;
    if (this.#modemControl & MCR_LOOP) this.#push(byte);
    else this.#wiring.transmit(byte);
  }

  #push(byte: number): void {
    if (this.#fifo.length < this.#capacity) this.#fifo.push(byte);
    else this.#overrun = LSR.OVERRUN;
  }

  #take(): number {
    const byte = this.#fifo.shift() ?? 0;
    this.#fill();
    return byte;
  }

  #fill(): void {
    if (this.#modemControl & MCR_LOOP) return;
    while (this.#waiting.length > 0 && this.#fifo.length < this.#capacity) {
      this.#fifo.push(this.#waiting.shift()!);
    }
  }

  get #capacity(): number {
    return this.#fifoControl & FCR.ENABLE ? FIFO_SIZE : 1;
  }

  #controlFifo(value: number): void {
    const isToggled = ((value ^ this.#fifoControl) & FCR.ENABLE) !== 0;
    if (isToggled || value & FCR.CLEAR_RECEIVED) this.#fifo.length = 0;
    if (isToggled || value & FCR.CLEAR_SENT) this.#emptyPending = true;
    this.#fifoControl = value & 0xc9;
    this.#fill();
  }

  /** IIR. Reading it takes the interrupt of the empty transmitter back. */
  #identify(): number {
    const cause = this.#cause();
    if (cause === IIR.EMPTY) this.#emptyPending = false;
    return cause | (this.#fifoControl & FCR.ENABLE ? IIR.FIFO : 0);
  }

  #cause(): number {
    const enabled = this.#interruptEnable;
    if (enabled & IER.LINE && this.#overrun) return IIR.LINE;
    if (enabled & IER.RECEIVED && this.#fifo.length > 0) {
      const trigger = this.#fifoControl & FCR.ENABLE ? TRIGGERS[this.#fifoControl >>> 6]! : 1;
      // Too few bytes for the trigger: the time-out, which needs no time here.
      return this.#fifo.length >= trigger ? IIR.RECEIVED : IIR.TIMEOUT;
    }
    return enabled & IER.EMPTY && this.#emptyPending ? IIR.EMPTY : IIR.NONE;
  }

  #modemStatus(): number {
    const control = this.#modemControl;
    if ((control & MCR_LOOP) === 0) return MSR_CONNECTED;
    return (control & 1) << 5 | (control & 2) << 3 | (control & 0xc) << 4;
  }

  #update(): void {
    const isUp = this.#cause() !== IIR.NONE;
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    this.#wiring.setLine(isUp);
  }
}
