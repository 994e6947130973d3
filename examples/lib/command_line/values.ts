/**
 * The values of command-line options.
 *
 * @module
 */

/** The command line is wrong. The message says what was expected. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The value of an option that takes an integer from `least` to `most`. */
export function integer(name: string, word: string, least: number, most: number): number {
  const value = Number(word);
  if (/^\d+$/.test(word) && value >= least && value <= most) return value;
  throw new UsageError(
    `Cannot run with --${name} "${word}": it must be an integer from ${least} to ${most}`,
  );
}

/** The value of an option that takes one of a set of words. */
export function choice<T extends string>(name: string, word: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === word);
  if (found !== undefined) return found;
  throw new UsageError(
    `Cannot run with --${name} "${word}": it must be one of ${choices.join(", ")}`,
  );
}

/** The value of `--seed`; a random one if the option is not given. */
export function seedOf(word: string | undefined): number {
  if (word !== undefined) return integer("seed", word, 0, 2 ** 32 - 1);
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
