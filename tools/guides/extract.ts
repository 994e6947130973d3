/**
 * Takes the files and commands out of a guide:
 *
 * - a `js` block that begins with `// NAME.mjs` is a file of that name, from then on;
 * - a line `node NAME.mjs` in a `sh` block is a command;
 * - a `text` block is what the command before it prints. A line `...` stands for any lines.
 *
 * @module
 */

/** A step of a guide. */
export type Step =
  | { readonly kind: "file"; readonly name: string; readonly text: string }
  | { readonly kind: "run"; readonly file: string; readonly output: string | undefined };

const FENCE = /^```(\w+)\n([^]*?)^```$/gm;

/** The steps of a guide, in order. */
export function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  for (const [, language, text] of markdown.matchAll(FENCE)) {
    if (language === "js") {
      const [, name] = /^\/\/ (\S+\.mjs)\n/.exec(text!) ?? [];
      if (name === undefined) throw new Error(`A js block has no "// NAME.mjs":\n${text}`);
      steps.push({ kind: "file", name, text: text! });
    } else if (language === "sh") {
      for (const [, file] of text!.matchAll(/^node (\S+\.mjs)/gm)) {
        steps.push({ kind: "run", file: file!, output: undefined });
      }
    } else if (language === "text") {
      const last = steps.at(-1);
      if (last?.kind === "run") steps[steps.length - 1] = { ...last, output: text! };
    }
  }
  return steps;
}

/** Whether a program printed what the guide says. */
export function isAsShown(printed: string, shown: string): boolean {
  const parts = shown.trim().split(/^\.\.\.$/m).map((part) =>
    part.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  return new RegExp(`^${parts.join("[^]*")}$`).test(printed.trim());
}
