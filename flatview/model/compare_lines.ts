/** Throws, with both, if two lists of lines differ. */
export function compareLines(
  what: string,
  got: readonly string[],
  expected: readonly string[],
): void {
  const [left, right] = [got.join("\n  "), expected.join("\n  ")];
  if (left !== right) throw new Error(`${what} is\n  ${left}\nand should be\n  ${right}`);
}
