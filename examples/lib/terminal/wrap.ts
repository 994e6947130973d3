/**
 * Breaking text into lines.
 *
 * @module
 */

import { unicodeWidth } from "@std/cli/unicode-width";

/** Breaks a text into lines between words. A word that is longer than a line is broken. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((word) => pieces(word, width))) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (unicodeWidth(longer) <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function pieces(word: string, width: number): string[] {
  const found = [""];
  for (const character of word) {
    if (unicodeWidth(found.at(-1)! + character) > width) found.push("");
    found[found.length - 1] += character;
  }
  return found;
}
