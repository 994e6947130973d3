/**
 * Decodes a kernel's WebAssembly module: the subset of the binary format that our compiler emits.
 * Whatever lies outside the subset is an error that says what and where, never a guess.
 *
 * @module
 */

import { type Opcode, opcodeOf, type Type } from "./instructions.ts";
import { Bytes } from "./leb.ts";

/** One instruction at its place in the module. */
export interface Instruction {
  /** What it is. */
  readonly opcode: Opcode;
  /** Its immediate: an index, a label's depth, a constant, an offset in memory. */
  readonly operand: number | bigint;
  /** Byte offset of its first byte in the module. */
  readonly start: number;
  /** Byte offset just behind it. */
  readonly end: number;
}

/** The types of a function. */
export interface Signature {
  /** Of its parameters, in order. */
  readonly params: string;
  /** Of its result; empty if it has none. */
  readonly results: string;
}

/** A function of a module. */
export interface Code {
  /** Its index in the module. */
  readonly index: number;
  /** What it is exported as, or `#index`. */
  readonly name: string;
  /** The types of its parameters and results. */
  readonly signature: Signature;
  /** The types of its locals, parameters first. */
  readonly locals: string;
  /** Its body; the last instruction is its `end`. */
  readonly body: readonly Instruction[];
  /** Byte offset of the code entry's size, its contents and the byte behind it. */
  readonly entry: { readonly size: number; readonly start: number; readonly end: number };
}

/** A global of a module. */
export interface Global {
  /** The type of its value. */
  readonly type: Type;
  /** Whether the code may set it. */
  readonly mutable: boolean;
  /** The initial value; a name if it is imported. */
  readonly value: number | bigint | string;
}

/** A decoded module. */
export interface Module {
  /** The bytes it was decoded from. */
  readonly bytes: Uint8Array;
  /** Its functions by index. */
  readonly functions: readonly Code[];
  /** Its globals by index. */
  readonly globals: readonly Global[];
  /** The functions it exports. */
  readonly exports: ReadonlyMap<string, Code>;
  /** Where the code section lies: byte offset of its size, of its contents and the byte behind. */
  readonly codeSection: { readonly size: number; readonly start: number; readonly end: number };
}

const VALUE_TYPES = new Map<number, Type>([[0x7f, "i"], [0x7e, "l"], [0x7c, "d"]]);

/**
 * Decodes a module.
 *
 * @param bytes The module.
 * @returns Its functions, globals and exports.
 * @throws {RangeError} If it has something outside the subset; the message names the byte offset.
 */
export function decode(bytes: Uint8Array): Module {
  return new Decoder(bytes).module();
}

/** Decodes the base64 in which a package embeds its kernel. */
export function decodeKernel(base64: string): Module {
  return decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

class Decoder {
  readonly #in: Bytes;
  readonly #types: Signature[] = [];
  readonly #globals: Global[] = [];
  readonly #signatures: Signature[] = [];
  readonly #names = new Map<number, string>();
  readonly #functions: Code[] = [];
  #codeSection = { size: 0, start: 0, end: 0 };

  constructor(bytes: Uint8Array) {
    this.#in = new Bytes(bytes);
  }

  module(): Module {
    const input = this.#in;
    if (input.u32() !== 0x6d736100 || input.u32() !== 1) throw new RangeError("Not WebAssembly 1");
    while (input.at < input.bytes.length) this.#section();
    const byIndex = [...this.#names].map(([index, name]) => {
      return [name, this.#functions[index]!] as const;
    });
    return {
      bytes: input.bytes,
      functions: this.#functions,
      globals: this.#globals,
      exports: new Map(byIndex),
      codeSection: this.#codeSection,
    };
  }

  #section(): void {
    const input = this.#in;
    const id = input.byte();
    const size = input.at;
    const length = input.unsigned();
    const [start, end] = [input.at, input.at + length];
    if (id === 1) this.#many(() => this.#types.push(this.#signature()));
    else if (id === 2) this.#many(() => this.#import());
    else if (id === 3) this.#many(() => this.#signatures.push(this.#types[input.unsigned()]!));
    else if (id === 6) this.#many(() => this.#global());
    else if (id === 7) this.#many(() => this.#export());
    else if (id === 10) {
      this.#codeSection = { size, start, end };
      this.#many(() => this.#code());
    } else if (id !== 0 && id !== 5) throw this.#unknown(`section ${id}`, start);
    input.at = end;
  }

  #many(one: () => void): void {
    for (let left = this.#in.unsigned(); left > 0; left--) one();
  }

  #signature(): Signature {
    if (this.#in.byte() !== 0x60) throw this.#unknown("type", this.#in.at - 1);
    const types = () => {
      let text = "";
      this.#many(() => text += this.#type());
      return text;
    };
    return { params: types(), results: types() };
  }

  #type(): Type {
    const type = VALUE_TYPES.get(this.#in.byte());
    if (!type) throw this.#unknown("value type", this.#in.at - 1);
    return type;
  }

  #import(): void {
    const name = `${this.#in.text()}.${this.#in.text()}`;
    const kind = this.#in.byte();
    if (kind === 2) return this.#limits();
    if (kind !== 3) throw this.#unknown(`import ${name}`, this.#in.at - 1);
    const type = this.#type();
    const mutable = this.#in.byte() === 1;
    if (mutable) throw this.#unknown(`mutable import ${name}`, this.#in.at - 1);
    this.#globals.push({ type, mutable, value: name });
  }

  #limits(): void {
    const flags = this.#in.byte();
    this.#in.unsigned();
    if (flags & 1) this.#in.unsigned();
  }

  #global(): void {
    const type = this.#type();
    const mutable = this.#in.byte() === 1;
    const { opcode, operand } = this.#instruction();
    if (!opcode.name.endsWith(".const")) throw this.#unknown("initial value", this.#in.at);
    this.#instruction();
    this.#globals.push({ type, mutable, value: operand });
  }

  #export(): void {
    const name = this.#in.text();
    const kind = this.#in.byte();
    const index = this.#in.unsigned();
    if (kind === 0) this.#names.set(index, name);
  }

  #code(): void {
    const input = this.#in;
    const size = input.at;
    const length = input.unsigned();
    const [start, end] = [input.at, input.at + length];
    const index = this.#functions.length;
    const signature = this.#signatures[index]!;
    let locals = signature.params;
    this.#many(() => {
      const count = input.unsigned();
      locals += this.#type().repeat(count);
    });
    const body: Instruction[] = [];
    while (input.at < end) body.push(this.#instruction());
    const name = this.#names.get(index) ?? `#${index}`;
    this.#functions.push({ index, name, signature, locals, body, entry: { size, start, end } });
  }

  #instruction(): Instruction {
    const input = this.#in;
    const start = input.at;
    let code = input.byte();
    if (code === 0xfc || code === 0xfe) code = code << 8 | input.unsigned();
    const opcode = opcodeOf(code);
    if (!opcode) throw this.#unknown(`opcode 0x${code.toString(16)}`, start);
    const operand = this.#immediate(opcode);
    return { opcode, operand, start, end: input.at };
  }

  #immediate({ immediate }: Opcode): number | bigint {
    const input = this.#in;
    if (immediate === "none") return 0;
    if (immediate === "block") return this.#blockType();
    if (immediate === "i32") return Number(input.signed());
    if (immediate === "i64") return input.signed();
    if (immediate === "f64") return input.f64();
    if (immediate === "one byte") return input.byte();
    if (immediate === "two bytes") return input.byte() + input.byte();
    if (immediate === "memory") input.unsigned(); // the alignment is a hint
    return input.unsigned();
  }

  /** The byte of a block's type; 0x40 if it has no result. */
  #blockType(): number {
    const byte = this.#in.byte();
    if (byte !== 0x40 && !VALUE_TYPES.has(byte)) throw this.#unknown("block type", this.#in.at - 1);
    return byte;
  }

  #unknown(what: string, at: number): RangeError {
    return new RangeError(`Cannot decode ${what} at byte ${at}: it is outside the subset`);
  }
}

/** How many values a block of a type leaves: 0 or 1. */
export function blockResults(blockType: number | bigint): number {
  return blockType === 0x40 ? 0 : 1;
}
