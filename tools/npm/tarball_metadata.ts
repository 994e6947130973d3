/**
 * Checks what a package says of itself: its manifests and its source maps.
 *
 * @module
 */

/** What npm shows and searches. */
const KEYS = ["description", "keywords", "license", "repository", "homepage", "bugs", "engines"];

type Files = ReadonlyMap<string, Uint8Array>;

/** A line for each thing that a package's manifests or source maps lack. */
export function checkMetadata(files: Files): string[] {
  const json = (path: string) => JSON.parse(new TextDecoder().decode(files.get(path)));
  const manifest = json("package.json");
  const problems = KEYS.filter((key) => !(key in manifest))
    .map((key) => `package.json has no ${key}`);
  for (const [key, entry] of Object.entries<Record<string, string>>(manifest.exports)) {
    if (entry["default"] !== entry["import"]) problems.push(`exports ${key} to import alone`);
  }
  for (const path of ["package.json", "esm/package.json"].filter((path) => files.has(path))) {
    if (json(path).sideEffects !== false) problems.push(`${path} allows side effects`);
  }
  for (const path of files.keys()) {
    if (!path.endsWith(".js")) continue;
    if (!files.has(`${path}.map`)) problems.push(`${path} has no source map`);
    else if (!hasSources(json(`${path}.map`))) {
      problems.push(`${path}.map does not hold its source under a relative name`);
    }
  }
  return problems;
}

/** Whether a source map needs no file beside it, and names none of the machine that made it. */
function hasSources(
  map: { sources: string[]; sourcesContent?: (string | null)[]; mappings?: string },
): boolean {
  // A module of types has no code, and nothing to map.
  return (map.sources.length > 0 || map.mappings === "") &&
    map.sources.every((name, index) =>
      !/^(\/|file:)/.test(name) && typeof map.sourcesContent?.[index] === "string"
    );
}
