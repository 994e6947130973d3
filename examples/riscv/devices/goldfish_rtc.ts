/**
 * Goldfish's real-time clock.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";

const REGISTER = {
  TIME_LOW: 0x00,
  TIME_HIGH: 0x04,
  ALARM_LOW: 0x08,
  ALARM_HIGH: 0x0c,
  IRQ_ENABLED: 0x10,
  CLEAR_ALARM: 0x14,
  ALARM_STATUS: 0x18,
  CLEAR_INTERRUPT: 0x1c,
} as const;

const NANOSECONDS_PER_MS = 1_000_000n;
const HIGH = 32n;
const LOW_MASK = 0xffff_ffffn;

/** What the clock is connected to. */
export interface RtcWiring {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls a function after some milliseconds. Returns what cancels it. */
  schedule(milliseconds: number, act: () => void): () => void;
  /** The interrupt line changed. */
  setLine(isUp: boolean): void;
}

/** A real-time clock with an alarm. Times are nanoseconds since 1970. */
export class GoldfishRtc {
  readonly #wiring: RtcWiring;
  /** What the guest's clock is ahead of the host's. */
  #offset = 0n;
  #timeHigh = 0;
  #alarm = 0n;
  #alarmHigh = 0;
  #isEnabled = false;
  #isPending = false;
  #cancel: (() => void) | undefined;

  constructor(wiring: RtcWiring) {
    this.#wiring = wiring;
  }

  /** The callbacks of the region. */
  readonly ops: MemoryRegionOps = {
    valid: { minAccessSize: 4, maxAccessSize: 4 },
    read: (offset) => this.#read(Number(offset)),
    write: (offset, value) => {
      this.#write(Number(offset), value >>> 0);
      this.#wiring.setLine(this.#isPending && this.#isEnabled);
    },
  };

  /** Cancels the alarm. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #read(register: number): number {
    switch (register) {
      case REGISTER.TIME_LOW: {
        const time = this.#now();
        this.#timeHigh = Number(time >> HIGH);
        return Number(time & LOW_MASK);
      }
      case REGISTER.TIME_HIGH:
        return this.#timeHigh;
      case REGISTER.ALARM_LOW:
        return Number(this.#alarm & LOW_MASK);
      case REGISTER.ALARM_HIGH:
        return Number(this.#alarm >> HIGH);
      case REGISTER.IRQ_ENABLED:
        return this.#isEnabled ? 1 : 0;
      case REGISTER.ALARM_STATUS:
        return this.#cancel === undefined ? 0 : 1;
      default:
        return 0;
    }
  }

  #write(register: number, value: number): void {
    switch (register) {
      case REGISTER.TIME_LOW:
        this.#setTime(this.#now() >> HIGH << HIGH | BigInt(value));
        break;
      case REGISTER.TIME_HIGH:
        this.#setTime(BigInt(value) << HIGH | this.#now() & LOW_MASK);
        break;
      case REGISTER.ALARM_LOW:
        this.#alarm = BigInt(this.#alarmHigh) << HIGH | BigInt(value);
        this.#setAlarm();
        break;
      case REGISTER.ALARM_HIGH:
        this.#alarmHigh = value;
        break;
      case REGISTER.IRQ_ENABLED:
        this.#isEnabled = (value & 1) !== 0;
        break;
      case REGISTER.CLEAR_ALARM:
        this.close();
        break;
      case REGISTER.CLEAR_INTERRUPT:
        this.#isPending = false;
    }
  }

  #now(): bigint {
    return BigInt(Math.floor(this.#wiring.now())) * NANOSECONDS_PER_MS + this.#offset;
  }

  #setTime(time: bigint): void {
    this.#offset += time - this.#now();
    if (this.#cancel !== undefined) this.#setAlarm();
  }

  #setAlarm(): void {
    this.close();
    const left = Number((this.#alarm - this.#now()) / NANOSECONDS_PER_MS);
    if (left <= 0) return this.#fire();
    this.#cancel = this.#wiring.schedule(left, () => {
      this.#cancel = undefined;
      this.#fire();
    });
  }

  #fire(): void {
    this.#isPending = true;
    this.#wiring.setLine(this.#isEnabled);
  }
}
