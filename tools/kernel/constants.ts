/**
 * The constants of an AssemblyScript kernel, from what a TypeScript module exports: so nothing is
 * written down twice.
 *
 * @module
 */

/**
 * The text of an AssemblyScript module of constants.
 *
 * - A layout `SLOT` with a field `gpCtr` becomes `SLOT_GP_CTR`, the offset, and `SLOT_SIZE`; for an
 *   array also `SLOT_ENTRIES_STRIDE`. Their type is `usize`.
 * - An object of numbers `FLAG` with a key `READ_ONLY` becomes `FLAG_READ_ONLY`.
 * - A number keeps its name.
 *
 * Functions and types are left out.
 *
 * @param shared What the module exports.
 * @throws {TypeError} If something is none of these.
 */
export function constantsOf(shared: Readonly<Record<string, unknown>>): string {
  const lines: string[] = [];
  const add = (name: string, value: unknown): void => {
    if (typeof value === "number") lines.push(`export const ${name} = ${value};`);
    else if (isArray(value)) {
      lines.push(`export const ${name}: usize = ${value.offset};`);
      lines.push(`export const ${name}_STRIDE: usize = ${value.stride};`);
    } else if (isField(value)) lines.push(`export const ${name}: usize = ${value.offset};`);
    else throw new TypeError(`Cannot make a constant of ${name}: it is neither layout nor number`);
  };
  for (const [name, value] of Object.entries(shared)) {
    if (typeof value === "function") continue;
    if (typeof value !== "object" || value === null) {
      add(name, value);
      continue;
    }
    const isLayout = Object.values(value).some(isField);
    for (const [field, member] of Object.entries(value)) {
      const constant = `${name}_${upperSnake(field)}`;
      if (isLayout && field === "size") lines.push(`export const ${constant}: usize = ${member};`);
      else if (!isLayout || field !== "alignment") add(constant, member);
    }
  }
  return lines.join("\n") + "\n";
}

function isField(value: unknown): value is { offset: number } {
  return typeof value === "object" && value !== null && "offset" in value;
}

function isArray(value: unknown): value is { offset: number; stride: number } {
  return isField(value) && "stride" in value;
}

function upperSnake(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
}
