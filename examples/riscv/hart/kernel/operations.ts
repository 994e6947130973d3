/**
 * The numbers of decoded operations. The kernel's dispatch is dense only if they are, so they are
 * counted, not chosen.
 *
 * @module
 */

/** What the run loop does for a decoded instruction. */
export const OP = numbered(
  [
    // Control. A page of zeros is a page of instructions that are not yet decoded.
    ...["undecoded", "nop", "illegal"],
    // Only these write rd and do nothing else: with rd = x0 they are decoded as `nop`.
    ...["lui", "auipc"],
    ...["addi", "slli", "slti", "sltiu", "xori", "srli", "ori", "andi", "srai"],
    ...["addiw", "slliw", "srliw", "sraiw"],
    ...["add", "sll", "slt", "sltu", "xor", "srl", "or", "and", "sub", "sra"],
    ...["addw", "subw", "sllw", "srlw", "sraw"],
    ...["mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu"],
    ...["mulw", "divw", "divuw", "remw", "remuw"],
    ...["bits", "bitsImmediate"],
    // Memory, in the order of funct3. `loadNothing` is a load to x0: it may still fault.
    ...["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", "loadNothing", "sb", "sh", "sw", "sd"],
    ...["flw", "fld", "fsw", "fsd"],
    // Jumps; `j` and `jr` link nothing.
    ...["beq", "bne", "blt", "bge", "bltu", "bgeu", "jal", "j", "jalr", "jr"],
    // These get the instruction itself as their immediate.
    ...["amo", "system", "float"],
    ...["fence", "fenceI"],
  ] as const,
);

/** What `bits` and `bitsImmediate` compute: Zba, Zbb and Zbs. */
export const BITS = numbered(
  [
    ...["sh1add", "sh2add", "sh3add", "sh1addUw", "sh2addUw", "sh3addUw", "addUw", "slliUw"],
    ...["andn", "orn", "xnor", "max", "maxu", "min", "minu"],
    ...["clz", "ctz", "cpop", "clzw", "ctzw", "cpopw"],
    ...["sextB", "sextH", "zextH", "orcB", "rev8"],
    ...["rol", "ror", "rolw", "rorw"],
    ...["bclr", "bext", "binv", "bset"],
  ] as const,
);

/** Names with the numbers 0, 1, 2 and so on. */
function numbered<const Names extends readonly string[]>(
  names: Names,
): Readonly<Record<Names[number], number>> {
  return Object.fromEntries(names.map((name, index) => [name, index])) as Record<
    Names[number],
    number
  >;
}
