/**
 * A command line that was read by the table of a command.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { choice, integer, UsageError } from "./values.ts";

/** An option. */
export interface OptionSpec {
  /** Stands for its value in the help; a switch has none. */
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly repeats?: true;
  /** What it does, without a final stop. */
  readonly help: string;
}

/** What a command is called with. */
export class Call {
  /** The words that are no options. */
  readonly words: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  /**
   * Reads a command line.
   *
   * @param shape The words that the command takes, as its help says them.
   * @throws {UsageError} If a word or an option is missing, unknown or without its value.
   */
  constructor(
    words: readonly string[],
    shape: string,
    options: Readonly<Record<string, OptionSpec>>,
  ) {
    const names = Object.keys(options);
    const valued = names.filter((name) => options[name]!.value !== undefined);
    const args = parseArgs([...words], {
      string: ["_", ...valued],
      boolean: [...names.filter((name) => options[name]!.value === undefined), "help"],
      collect: valued.filter((name) => options[name]!.repeats === true),
      unknown: (word: string, option?: string) => {
        if (option === undefined) return;
        throw new UsageError(`Cannot run with "${word}": there is no such option`);
      },
    });
    this.words = args._.map(String);
    this.#values = args;
    if (this.isHelp) return;
    for (const name of valued) {
      if (this.values(name).includes("")) {
        throw new UsageError(`Cannot run with --${name} "": it needs a value`);
      }
    }
    checkWords(this.words, shape);
  }

  /** Whether help is asked for. */
  get isHelp(): boolean {
    return this.#values["help"] === true;
  }

  /** Whether a switch is given. */
  has(name: string): boolean {
    return this.#values[name] === true;
  }

  /** The values of an option, in order. */
  values(name: string): readonly string[] {
    const value = this.#values[name];
    return value === undefined ? [] : Array.isArray(value) ? value : [value as string];
  }

  /** The value of an option; undefined if it is not given. */
  value(name: string): string | undefined {
    return this.values(name)[0];
  }

  /** The value of an option that must be given. */
  required(name: string): string {
    const value = this.value(name);
    if (value === undefined) throw new UsageError(`Cannot run without --${name}`);
    return value;
  }

  /** The value of an option that takes an integer from `least` to `most`. */
  integer(name: string, byDefault: number, least: number, most: number): number {
    const value = this.value(name);
    return value === undefined ? byDefault : integer(name, value, least, most);
  }

  /** The value of an option that takes one of a set of words; undefined if it is not given. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : choice(name, value, choices);
  }
}

function checkWords(words: readonly string[], shape: string): void {
  const expected = shape.split(" ").filter((word) => word !== "");
  const least = expected.filter((word) => !word.startsWith("[")).length;
  const most = shape.includes("...") ? Infinity : expected.length;
  if (words.length > most) {
    throw new UsageError(`Cannot run with "${words[most]}": there is no such option`);
  }
  if (words.length < least) {
    throw new UsageError(`Cannot run without ${expected[words.length]}`);
  }
}
