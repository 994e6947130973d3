/**
 * The monitor: commands in QEMU's words.
 *
 * @module
 */

import { parseDevice } from "../run/device_specs.ts";
import type { DeviceQuestion } from "../run/messages.ts";

/** What the monitor asks of a machine; a `Supervisor` is one. */
export interface MonitoredMachine {
  readonly isPaused: boolean;
  ask(question: DeviceQuestion): Promise<string>;
  registersText(): Promise<string>;
  rcuText(): string;
  pause(): Promise<void>;
  resume(): void;
  quit(): void;
}

const PROMPT = "(guestmem) ";
const BACKSPACES = "\x7f\b";

const HELP = [
  "info mtree [-f] [-d] -- the memory tree (-f: flat views, -d: with their dispatches)",
  "device_add DRIVER,id=ID[,...] -- plug in a virtio-blk-pci (file=F, readonly=on, snapshot=on),",
  "  virtio-net-pci (network=NAME) or virtio-rng-pci",
  "device_del ID -- take a device out",
  "info registers -- the registers of all harts",
  "info rcu -- grace periods, readers, and what waits for them",
  "info status -- whether the machine runs",
  "stop -- stop the machine",
  "cont -- go on",
  "quit -- end the run",
].join("\n");

/** Edits a line of input and runs it as a command. */
export class Monitor {
  readonly #machine: MonitoredMachine;
  readonly #print: (text: string) => void;
  #line = "";

  /** @param print Takes text with plain line ends. */
  constructor(machine: MonitoredMachine, print: (text: string) => void) {
    this.#machine = machine;
    this.#print = print;
  }

  /** Prints the prompt: the monitor has the console now. */
  open(): void {
    this.#line = "";
    this.#print(`\n${PROMPT}`);
  }

  /** Takes typed bytes: echoes them, and runs each line that is complete. */
  async type(bytes: Uint8Array): Promise<void> {
    for (const character of new TextDecoder().decode(bytes)) {
      if (character === "\r" || character === "\n") {
        const line = this.#line.trim();
        this.#line = "";
        this.#print("\n");
        const answer = line === "" ? "" : await this.run(line);
        this.#print(`${answer === "" ? "" : `${answer}\n`}${PROMPT}`);
      } else if (BACKSPACES.includes(character)) {
        if (this.#line !== "") this.#print("\b \b");
        this.#line = this.#line.slice(0, -1);
      } else if (character >= " ") {
        this.#line += character;
        this.#print(character);
      }
    }
  }

  /** Runs a command. @returns What it prints. */
  async run(line: string): Promise<string> {
    const [command, ...words] = line.split(/\s+/);
    switch (command) {
      case "info":
        return await this.#info(words);
      case "stop":
        await this.#machine.pause();
        return "";
      case "cont":
      case "c":
        this.#machine.resume();
        return "";
      case "quit":
      case "q":
        this.#machine.quit();
        return "";
      case "device_add":
        return await this.#add(words.join(" "));
      case "device_del":
        return await this.#machine.ask({ kind: "unplug", id: words.join(" ") });
      case "help":
      case "?":
        return HELP;
      default:
        return `unknown command: '${command}'`;
    }
  }

  async #add(text: string): Promise<string> {
    try {
      return await this.#machine.ask({ kind: "plug", device: parseDevice(text) });
    } catch (error) {
      return `Error: ${(error as Error).message}`;
    }
  }

  async #info([what, ...options]: string[]): Promise<string> {
    switch (what) {
      case "mtree": {
        const unknown = options.find((option) => !["-f", "-d", "-D"].includes(option));
        if (unknown !== undefined) return `info mtree: unknown option '${unknown}'`;
        const [flat, dispatch] = [options.includes("-f"), options.includes("-d")];
        return await this.#machine.ask({ kind: "map", map: { flat, dispatch } });
      }
      case "registers":
        return await this.#machine.registersText();
      case "rcu":
        return this.#machine.rcuText();
      case "status":
        return `VM status: ${this.#machine.isPaused ? "paused" : "running"}`;
      default:
        return HELP;
    }
  }
}
