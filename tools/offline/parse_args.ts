/**
 * Stands in for `@std/cli/parse-args` where the JSR registry cannot be reached, with the same rules
 * (minimist's): an undeclared option takes the next word for its value unless that starts with "-";
 * what looks like a number is one unless declared a string; a boolean option that is not there is
 * false.
 *
 * Covered: boolean, string, collect, negatable (each a list of names), alias, default, unknown,
 * stopEarly and "--". Not covered: `boolean: true`, a single name in place of a list, dotted names
 * (declaring one throws), the types of alias names (they come as unknown).
 *
 * @module
 */

/** The type of an option's value before defaults. */
type Value<Type, Name extends string, C extends string, N extends string> =
  | (Name extends C ? Type[] : Type)
  | (Name extends N ? false : never);

type Flatten<T> = { [Key in keyof T]: T[Key] };

type Declared<B extends string, S extends string, C extends string, N extends string> =
  & { [Name in B]: Value<boolean, Name, C, never> }
  & { [Name in S & C]: Value<string, Name, C, N> }
  & { [Name in Exclude<S, C>]?: Value<string, Name, C, N> }
  & { [Name in Exclude<C, B | S>]: Value<unknown, Name, C, N> };

type WithDefaults<T, D> =
  & Omit<T, keyof D>
  & { [Name in keyof D]: Name extends keyof T ? D[Name] | NonNullable<T[Name]> : unknown };

/** What {@link parseArgs} returns. */
export type Args<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  N extends string = never,
  D extends object = Record<never, never>,
  DoubleDash extends boolean = false,
> = Flatten<
  & ([B | S | C] extends [never]
    // deno-lint-ignore no-explicit-any -- std's type when no type is declared
    ? Record<string, any>
    : Record<string, unknown> & WithDefaults<Declared<B, S, C, N>, D>)
  & { _: (string | number)[] }
  & (DoubleDash extends true ? { "--": string[] } : Record<never, never>)
>;

/** Options of {@link parseArgs}. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  N extends string = string,
  D extends object = object,
  DoubleDash extends boolean = boolean,
> {
  "--"?: DoubleDash;
  alias?: Record<string, string | readonly string[]>;
  boolean?: readonly B[];
  string?: readonly S[];
  collect?: readonly C[];
  negatable?: readonly N[];
  default?: D;
  stopEarly?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Raw = string | number | boolean;

const isNumber = (word: string): boolean => /\S/.test(word) && Number.isFinite(Number(word));

function refuseDots(names: readonly string[]): void {
  const dotted = names.find((name) => name.includes("."));
  if (dotted !== undefined) throw new TypeError(`Option "${dotted}": no dotted names offline`);
}

/** One parse. */
class Parser {
  readonly result: Record<string, unknown> & { _: (string | number)[] } = { _: [] };
  readonly #aliases = new Map<string, string[]>();
  readonly #boolean: Set<string>;
  readonly #string: Set<string>;
  readonly #collect: Set<string>;
  readonly #negatable: Set<string>;
  readonly #options: ParseOptions;

  constructor(options: ParseOptions) {
    this.#options = options;
    refuseDots(Object.keys(options.default ?? {}));
    for (const [key, value] of Object.entries(options.alias ?? {})) {
      const group = [key, ...(typeof value === "string" ? [value] : value)];
      for (const name of group) this.#aliases.set(name, group.filter((other) => other !== name));
    }
    this.#boolean = this.#names(options.boolean);
    this.#string = this.#names(options.string);
    this.#collect = this.#names(options.collect);
    this.#negatable = this.#names(options.negatable);
  }

  /** The declared names with their aliases. */
  #names(declared: readonly string[] = []): Set<string> {
    refuseDots(declared);
    return new Set(declared.flatMap((name) => [name, ...(this.#aliases.get(name) ?? [])]));
  }

  parse(args: readonly string[]): void {
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      if (/^--./.test(arg)) i += this.#long(arg, args[i + 1]);
      else if (/^-./.test(arg)) i += this.#short(arg, args[i + 1]);
      else {
        if (this.#options.unknown?.(arg) !== false) this.result._.push(this.#positional(arg));
        if (this.#options.stopEarly) {
          this.result._.push(...args.slice(i + 1));
          return;
        }
      }
    }
  }

  #positional(word: string): string | number {
    return this.#string.has("_") || !isNumber(word) ? word : Number(word);
  }

  /** `--key=value`, `--key value`, `--key`, `--no-key`; returns how many more words it took. */
  #long(arg: string, next: string | undefined): number {
    const assigned = /^--(.+?)=(.+)$/s.exec(arg);
    if (assigned) {
      const key = assigned[1]!.replace(/^no-/, "");
      this.#set(key, this.#boolean.has(key) ? assigned[2] !== "false" : assigned[2]!, arg);
      return 0;
    }
    const key = arg.slice(2);
    const positive = /^no-(.+)/s.exec(key)?.[1];
    if (positive !== undefined && this.#negatable.has(positive)) {
      this.#set(positive, false, arg, false);
      return 0;
    }
    return this.#valued(key, arg, next, next !== undefined && !next.startsWith("-"));
  }

  /** `-abc`, `-n5`, `-n=5`, `-n 5`; returns how many more words it took. */
  #short(arg: string, next: string | undefined): number {
    for (let j = 1; j < arg.length - 1; j++) {
      const letter = arg[j]!;
      const rest = arg.slice(j + 1);
      if (rest === "-") {
        this.#set(letter, rest, arg);
        continue;
      }
      const value = this.#attached(letter, rest);
      if (value !== undefined) {
        this.#set(letter, value, arg);
        return 0;
      }
      this.#set(letter, this.#string.has(letter) ? "" : true, arg);
    }
    const last = arg.at(-1)!;
    if (last === "-") return 0;
    return this.#valued(last, arg, next, next !== undefined && !/^--?[^-]/.test(next));
  }

  /** The value written right behind a letter, if what follows is one. */
  #attached(letter: string, rest: string): string | undefined {
    if (/[A-Za-z]/.test(letter)) {
      const assigned = /=(.+)/.exec(rest);
      if (assigned) return assigned[1]!;
      if (/-?\d+(\.\d*)?(e-?\d+)?$/.test(rest)) return rest;
    }
    return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
  }

  /** An option whose value may be the next word; returns how many words it took. */
  #valued(key: string, arg: string, next: string | undefined, mayTake: boolean): number {
    if (next && mayTake && !this.#boolean.has(key)) {
      this.#set(key, next, arg);
      return 1;
    }
    if (next === "true" || next === "false") {
      this.#set(key, next === "true", arg);
      return 1;
    }
    this.#set(key, this.#string.has(key) ? "" : true, arg);
    return 0;
  }

  #set(key: string, value: Raw, arg: string, collect = true): void {
    const declared = this.#boolean.has(key) || this.#string.has(key) || this.#aliases.has(key);
    if (!declared && this.#options.unknown?.(arg, key, value) === false) return;
    const typed = typeof value === "string" && !this.#string.has(key) && isNumber(value)
      ? Number(value)
      : value;
    for (const name of [key, ...(this.#aliases.get(key) ?? [])]) {
      this.#store(name, typed, collect && this.#collect.has(key));
    }
  }

  #store(key: string, value: Raw, collect: boolean): void {
    const path = key.split(".");
    const last = path.pop()!;
    let object: Record<string, unknown> = this.result;
    for (const name of path) object = (object[name] ??= {}) as Record<string, unknown>;
    const before = object[last];
    if (!collect) object[last] = value;
    else if (Array.isArray(before)) before.push(value);
    else object[last] = before ? [before, value] : [value];
  }

  /** Fills in defaults, then the false of booleans and the empty lists. */
  finish(): void {
    const fill = (key: string, value: unknown): void => {
      if (!Object.hasOwn(this.result, key)) this.result[key] = value;
    };
    for (const [key, value] of Object.entries(this.#options.default ?? {})) {
      if (Object.hasOwn(this.result, key)) continue;
      for (const name of [key, ...(this.#aliases.get(key) ?? [])]) this.result[name] = value;
    }
    for (const key of this.#boolean) fill(key, this.#collect.has(key) ? [] : false);
    for (const key of this.#string) if (this.#collect.has(key)) fill(key, []);
  }
}

/**
 * Parses a command line.
 *
 * @param args the words, as in `Deno.args`
 * @param options what is declared
 * @returns the options by name, and the other words as `_`
 */
export function parseArgs<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  N extends string = never,
  D extends object = Record<never, never>,
  DoubleDash extends boolean = false,
>(
  args: string[],
  options: ParseOptions<B, S, C, N, D, DoubleDash> = {},
): Args<B, S, C, N, D, DoubleDash> {
  const parser = new Parser(options);
  const at = args.indexOf("--");
  const after = at < 0 ? [] : args.slice(at + 1);
  parser.parse(at < 0 ? args : args.slice(0, at));
  parser.finish();
  if (options["--"]) parser.result["--"] = after;
  else parser.result._.push(...after);
  return parser.result as Args<B, S, C, N, D, DoubleDash>;
}
