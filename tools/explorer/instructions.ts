/**
 * The WebAssembly instructions that our kernels use, by opcode: what each takes from the stack and
 * gives back, what follows it in the code, and how it touches memory.
 *
 * @module
 */

/** The type of a value: `i` i32, `l` i64, `d` f64. */
export type Type = "i" | "l" | "d";

/** What follows an opcode in the code. */
export type Immediate =
  | "none"
  | "block"
  | "label"
  | "function"
  | "local"
  | "global"
  | "i32"
  | "i64"
  | "f64"
  | "memory"
  | "one byte"
  | "two bytes";

/** The operator of a read-modify-write. */
export type Operator = "add" | "sub" | "and" | "or" | "xor" | "xchg";

/** How an instruction touches memory. */
export type AccessKind =
  | "load"
  | "store"
  | "rmw"
  | "cmpxchg"
  | "wait"
  | "notify"
  | "fence"
  | "fill"
  | "copy";

/** The part of an instruction that concerns memory. */
export interface AccessShape {
  /** What it does. */
  readonly kind: AccessKind;
  /** Whether it is a seq-cst atomic. */
  readonly atomic: boolean;
  /** How many bytes it touches; 0 if that is an operand. */
  readonly bytes: number;
  /** The type of its value on the stack. */
  readonly type: Type;
  /** Whether a narrow load extends the sign. */
  readonly signed: boolean;
  /** What a read-modify-write does. */
  readonly operator?: Operator;
}

/** One instruction of the language. */
export interface Opcode {
  /** Its code; a prefixed one is `prefix << 8 | code`. */
  readonly code: number;
  /** Its name in the text format. */
  readonly name: string;
  /** What follows it. */
  readonly immediate: Immediate;
  /** The types it takes from the stack, the deepest first. */
  readonly takes: string;
  /** The types it gives. */
  readonly gives: string;
  /** How it touches memory, if it does. */
  readonly access?: AccessShape;
}

const byCode = new Map<number, Opcode>();
const byName = new Map<string, Opcode>();

/** The instruction with a code, if it is one of the subset. */
export function opcodeOf(code: number): Opcode | undefined {
  return byCode.get(code);
}

/**
 * The instruction with a name.
 *
 * @throws {RangeError} If the subset has none.
 */
export function opcodeNamed(name: string): Opcode {
  const opcode = byName.get(name);
  if (!opcode) throw new RangeError(`No instruction of the subset is called "${name}"`);
  return opcode;
}

function add(opcode: Opcode): void {
  byCode.set(opcode.code, opcode);
  byName.set(opcode.name, opcode);
}

/** Adds instructions with consecutive codes: a name and a signature each. */
function row(code: number, immediate: Immediate, ...entries: [name: string, signature: string][]) {
  entries.forEach(([name, signature], index) => {
    const [takes, gives] = signature.split(":") as [string, string];
    add({ code: code + index, name, immediate, takes, gives });
  });
}

/** The types of what control instructions take depend on the function: they are handled apart. */
const CONTROL = ":";

row(0x00, "none", ["unreachable", CONTROL], ["nop", ":"]);
row(0x02, "block", ["block", CONTROL], ["loop", CONTROL], ["if", "i:"]);
row(0x05, "none", ["else", CONTROL]);
row(0x0b, "none", ["end", CONTROL]);
row(0x0c, "label", ["br", CONTROL], ["br_if", "i:"]);
row(0x0f, "none", ["return", CONTROL]);
row(0x10, "function", ["call", CONTROL]);
row(0x1a, "none", ["drop", CONTROL], ["select", CONTROL]);
row(0x20, "local", ["local.get", CONTROL], ["local.set", CONTROL], ["local.tee", CONTROL]);
row(0x23, "global", ["global.get", CONTROL], ["global.set", CONTROL]);
row(0x3f, "one byte", ["memory.size", ":i"]);
row(0x41, "i32", ["i32.const", ":i"]);
row(0x42, "i64", ["i64.const", ":l"]);
row(0x44, "f64", ["f64.const", ":d"]);

const COMPARISONS = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"];
const ARITHMETIC = "clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u"
  .split(" ");
const UNARY = new Set(["clz", "ctz", "popcnt"]);
for (
  const [prefix, type, test, arithmetic] of [["i32", "i", 0x45, 0x67], [
    "i64",
    "l",
    0x50,
    0x79,
  ]] as const
) {
  row(test, "none", [`${prefix}.eqz`, `${type}:i`]);
  row(
    test + 1,
    "none",
    ...COMPARISONS.map((name) => {
      return [`${prefix}.${name}`, `${type}${type}:i`] as [string, string];
    }),
  );
  row(
    arithmetic,
    "none",
    ...ARITHMETIC.map((name) => {
      const takes = UNARY.has(name) ? type : type + type;
      return [`${prefix}.${name}`, `${takes}:${type}`] as [string, string];
    }),
  );
}
row(
  0x61,
  "none",
  ...["eq", "ne", "lt", "gt", "le", "ge"].map((name) => {
    return [`f64.${name}`, "dd:i"] as [string, string];
  }),
);
row(0x99, "none", ["f64.abs", "d:d"], ["f64.neg", "d:d"]);
row(0x9b, "none", ["f64.ceil", "d:d"], ["f64.floor", "d:d"], ["f64.trunc", "d:d"]);
row(0xa0, "none", ["f64.add", "dd:d"], ["f64.sub", "dd:d"], ["f64.mul", "dd:d"]);
row(0xa3, "none", ["f64.div", "dd:d"]);
row(0xa7, "none", ["i32.wrap_i64", "l:i"]);
row(0xac, "none", ["i64.extend_i32_s", "i:l"], ["i64.extend_i32_u", "i:l"]);
row(0xb7, "none", ["f64.convert_i32_s", "i:d"], ["f64.convert_i32_u", "i:d"]);
row(0xb9, "none", ["f64.convert_i64_s", "l:d"], ["f64.convert_i64_u", "l:d"]);
row(0xfc02, "none", ["i32.trunc_sat_f64_s", "d:i"], ["i32.trunc_sat_f64_u", "d:i"]);
row(0xfc06, "none", ["i64.trunc_sat_f64_s", "d:l"], ["i64.trunc_sat_f64_u", "d:l"]);

// ---- memory -------------------------------------------------------------------------------------

interface Access {
  readonly kind: AccessKind;
  readonly bytes: number;
  readonly type: Type;
  readonly atomic?: boolean;
  readonly signed?: boolean;
  readonly operator?: Operator;
}

const TAKES = { load: "i", store: "iv", rmw: "iv", cmpxchg: "ivv", wait: "ivl", notify: "ii" };

function access(code: number, name: string, shape: Access): void {
  const { kind, type } = shape;
  const takes = kind in TAKES ? TAKES[kind as keyof typeof TAKES].replaceAll("v", type) : "iii";
  const isNumber = kind === "wait" || kind === "notify";
  const gives = isNumber
    ? "i"
    : kind === "load" || kind === "rmw" || kind === "cmpxchg"
    ? type
    : "";
  const full = { atomic: false, signed: false, ...shape };
  add({ code, name, immediate: "memory", takes, gives, access: full });
}

const PLAIN = [
  "i32.load",
  "i64.load",
  "",
  "f64.load",
  "i32.load8_s",
  "i32.load8_u",
  "i32.load16_s",
  "i32.load16_u",
  "i64.load8_s",
  "i64.load8_u",
  "i64.load16_s",
  "i64.load16_u",
  "i64.load32_s",
  "i64.load32_u",
  "i32.store",
  "i64.store",
  "",
  "f64.store",
  "i32.store8",
  "i32.store16",
  "i64.store8",
  "i64.store16",
  "i64.store32",
];
const TYPES = { i32: "i", i64: "l", f64: "d" } as const;

/** Bytes by the name of an access: `i64.load32_u` touches four. */
function bytesOf(name: string): number {
  const bits = name.match(/(?:load|store|rmw)(\d+)/)?.[1] ?? name.slice(1, 3);
  return Number(bits) / 8;
}

PLAIN.forEach((name, index) => {
  if (!name) return;
  const kind = name.includes("load") ? "load" : "store";
  const type = TYPES[name.slice(0, 3) as keyof typeof TYPES];
  access(0x28 + index, name, { kind, type, bytes: bytesOf(name), signed: name.endsWith("_s") });
});

/** The seven widths in which each atomic access exists. */
const WIDTHS = [
  ["i32", ""],
  ["i64", ""],
  ["i32", "8"],
  ["i32", "16"],
  ["i64", "8"],
  ["i64", "16"],
  [
    "i64",
    "32",
  ],
] as const;

/** Adds one atomic access in its seven widths. */
function atomics(code: number, verb: string, kind: AccessKind, operator?: Operator): void {
  WIDTHS.forEach(([of, bits], index) => {
    const unsigned = bits && kind !== "store" ? "_u" : "";
    const name = operator || kind === "cmpxchg"
      ? `${of}.atomic.rmw${bits}.${verb}${unsigned}`
      : `${of}.atomic.${verb}${bits}${unsigned}`;
    const bytes = Number(bits || of.slice(1)) / 8;
    const shape = { kind, bytes, type: TYPES[of], atomic: true };
    access(code + index, name, operator ? { ...shape, operator } : shape);
  });
}

access(0xfe00, "memory.atomic.notify", { kind: "notify", bytes: 4, type: "i", atomic: true });
access(0xfe01, "memory.atomic.wait32", { kind: "wait", bytes: 4, type: "i", atomic: true });
access(0xfe02, "memory.atomic.wait64", { kind: "wait", bytes: 8, type: "l", atomic: true });
atomics(0xfe10, "load", "load");
atomics(0xfe17, "store", "store");
(["add", "sub", "and", "or", "xor", "xchg"] as const).forEach((operator, index) => {
  atomics(0xfe1e + 7 * index, operator, "rmw", operator);
});
atomics(0xfe48, "cmpxchg", "cmpxchg");

/** Accesses whose immediate is no memory argument. */
function special(
  code: number,
  name: string,
  immediate: Immediate,
  takes: string,
  kind: AccessKind,
): void {
  const shape: AccessShape = { kind, atomic: kind === "fence", bytes: 0, type: "i", signed: false };
  add({ code, name, immediate, takes, gives: "", access: shape });
}
special(0xfe03, "atomic.fence", "one byte", "", "fence");
special(0xfc0a, "memory.copy", "two bytes", "iii", "copy");
special(0xfc0b, "memory.fill", "one byte", "iii", "fill");
