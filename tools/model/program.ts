/**
 * The language of a model: threads of steps over named shared words.
 *
 * A step is an access to a shared word or a piece of flow that touches only the thread's own
 * registers. Every value is a non-negative integer below 65,536, and a register that nothing has set
 * is 0.
 *
 * @module
 */

/** What a step uses: a constant, a register by name, or a function of other operands. */
export type Operand = number | string | Computed;

/** A function of other operands. */
export interface Computed {
  readonly of: readonly Operand[];
  readonly by: (...values: number[]) => number;
}

/** The operand `by(...of)`; a comparison counts as 1 or 0. */
export function computed(
  of: readonly Operand[],
  by: (...values: number[]) => number | boolean,
): Computed {
  return { of, by: (...values) => Number(by(...values)) };
}

/** How a step touches its word. `notify` and `wait` are those of a futex. */
export type AccessKind =
  | "load"
  | "store"
  | "xchg"
  | "cmpxchg"
  | "add"
  | "sub"
  | "notify"
  | "wait";

/** One access to shared memory: sequentially consistent unless it is marked `plain`. */
export interface Access {
  readonly access: AccessKind;
  /** Bits of the word; the model's words are whole, so this only names the instruction. */
  readonly width: 32 | 64;
  /** Name of the word, or of an array of words. */
  readonly word: string;
  /** Index into the array of words; 0 if absent. */
  readonly at?: Operand;
  /** What is stored, added or subtracted; for `wait`, the value that lets it sleep. */
  readonly value?: Operand;
  /** What `cmpxchg` expects. */
  readonly expected?: Operand;
  /** The register that takes the value which the word held. */
  readonly into?: string;
  /** An access that is not atomic. */
  readonly plain?: true;
  /** A load that waits until this holds of what it has put into its register: a spin without states. */
  readonly until?: Operand;
  /** The step is left out where this is 0. */
  readonly when?: Operand;
}

/** A step that touches only registers: an assignment, a label, a jump or an assertion. */
export type Flow =
  | { readonly set: string; readonly to: Operand }
  | { readonly label: string }
  | { readonly jump: string; readonly when?: Operand }
  | { readonly check: Operand; readonly says: string };

/** One line of a thread or of a function. */
export type Row = Access | Flow;

/** The lines of a thread or of a function, in program order. */
export type Body = readonly Row[];

/** One thread of a model. */
export interface Thread {
  readonly name: string;
  readonly body: Body;
  /** The thread may stop for ever before any of its steps, as a terminated worker does. */
  readonly dies?: boolean;
}

/** A shared word, or an array of words: what each holds at the start. */
export type Words = Readonly<Record<string, number | readonly number[]>>;

/** A model: the shared words and the threads over them. */
export interface Program {
  readonly words: Words;
  readonly threads: readonly Thread[];
}

/** Tells an access from flow. */
export function isAccess(row: Row): row is Access {
  return "access" in row;
}

/**
 * A function inlined at one place: its registers and labels become `name.register` and
 * `name.label`, but for those that `bind` names, which stand for the caller's operands.
 */
export function call(
  name: string,
  body: Body,
  bind: Readonly<Record<string, Operand>> = {},
): Body {
  const register = (own: string) => `${name}.${own}`;
  const operand = (own: Operand): Operand => {
    if (typeof own === "number") return own;
    if (typeof own === "string") return bind[own] ?? register(own);
    return { of: own.of.map(operand), by: own.by };
  };
  const optional = (own: Operand | undefined, key: string) =>
    own === undefined ? {} : { [key]: operand(own) };
  return body.map((row): Row => {
    if ("label" in row) return { label: register(row.label) };
    if ("jump" in row) return { jump: register(row.jump), ...optional(row.when, "when") };
    if ("set" in row) return { set: register(row.set), to: operand(row.to) };
    if ("check" in row) return { check: operand(row.check), says: row.says };
    const into = row.into === undefined ? {} : { into: register(row.into) };
    const operands = (["at", "value", "expected", "until", "when"] as const)
      .map((key) => optional(row[key], key));
    return Object.assign({}, row, into, ...operands);
  });
}
