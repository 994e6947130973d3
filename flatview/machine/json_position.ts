/** Finds lines in JSON text, for errors about files. */

/** Line of the position that a `JSON.parse` error names, or 0. */
export function jsonErrorLine(text: string, error: unknown): number {
  const message = error instanceof Error ? error.message : "";
  const line = /line (\d+)/.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const position = /position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return lineOf(text, Number(position));
  return /end of JSON/.test(message) ? lineOf(text, text.length) : 0;
}

/**
 * Line on which the value at a path starts, in text that parses as JSON. For a path that does
 * not exist, the line of its nearest existing ancestor.
 */
export function pathLine(text: string, path: readonly (string | number)[]): number {
  let at = skipSpace(text, 0);
  for (const step of path) {
    const next = typeof step === "string" ? member(text, at, step) : element(text, at, step);
    if (next < 0) break;
    at = next;
  }
  return lineOf(text, at);
}

function lineOf(text: string, position: number): number {
  let line = 1;
  for (let i = 0; i < position && i < text.length; i++) if (text.charCodeAt(i) === 10) line++;
  return line;
}

function skipSpace(text: string, at: number): number {
  while (" \t\r\n".includes(text[at] ?? "x")) at++;
  return at;
}

/** Position after the JSON value that starts at a position. */
function skipValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') {
    for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
    return at + 1;
  }
  if (first !== "{" && first !== "[") {
    while (at < text.length && !",]} \t\r\n".includes(text[at]!)) at++;
    return at;
  }
  let depth = 0;
  do {
    const c = text[at];
    if (c === '"') {
      at = skipValue(text, at);
      continue;
    }
    if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
    at++;
  } while (depth > 0);
  return at;
}

function member(text: string, at: number, key: string): number {
  if (text[at] !== "{") return -1;
  at = skipSpace(text, at + 1);
  while (text[at] === '"') {
    const end = skipValue(text, at);
    const found = JSON.parse(text.slice(at, end)) === key;
    at = skipSpace(text, skipSpace(text, end) + 1);
    if (found) return at;
    at = skipSpace(text, skipValue(text, at));
    if (text[at] !== ",") return -1;
    at = skipSpace(text, at + 1);
  }
  return -1;
}

function element(text: string, at: number, index: number): number {
  if (text[at] !== "[") return -1;
  at = skipSpace(text, at + 1);
  for (let i = 0; text[at] !== "]"; i++) {
    if (i === index) return at;
    at = skipSpace(text, skipValue(text, at));
    if (text[at] !== ",") return -1;
    at = skipSpace(text, at + 1);
  }
  return -1;
}
