/**
 * Connects a terminal with the machine's serial port and with the monitor.
 *
 * @module
 */

import type { Supervisor } from "../run/supervisor.ts";
import { ESCAPE_HELP, EscapeFilter } from "./escapes.ts";
import { Monitor } from "./monitor.ts";

/** A terminal. */
export interface Terminal {
  /** Writes bytes as they are: in raw mode a line ends with CR and LF. */
  write(bytes: Uint8Array): void;
}

/** Who gets what is typed: the guest, or the monitor. */
export class Console {
  readonly #machine: Supervisor;
  readonly #terminal: Terminal;
  readonly #escapes = new EscapeFilter();
  readonly #monitor: Monitor;
  #isMonitor = false;

  constructor(machine: Supervisor, terminal: Terminal) {
    this.#machine = machine;
    this.#terminal = terminal;
    this.#monitor = new Monitor(machine, (text) => this.#print(text));
  }

  /** Takes typed bytes. */
  async type(typed: Uint8Array): Promise<void> {
    for (const part of this.#escapes.take(typed)) {
      if (part === "exit") this.#machine.quit();
      else if (part === "help") this.#print(ESCAPE_HELP);
      else if (part === "monitor") {
        this.#isMonitor = !this.#isMonitor;
        if (this.#isMonitor) this.#monitor.open();
        else this.#print("\n");
      } else if (this.#isMonitor) await this.#monitor.type(part);
      else this.#machine.type(part);
    }
  }

  #print(text: string): void {
    this.#terminal.write(new TextEncoder().encode(text.replaceAll("\n", "\r\n")));
  }
}
