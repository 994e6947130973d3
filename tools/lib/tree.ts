/**
 * The project's files as the checks see them: path from the root to text. The checks on them are pure
 * functions, so that their tests can plant a violation in a few lines.
 *
 * @module
 */

/** Paths, such as "rcu/mod.ts", with their text; the text of data files is left empty. */
export type Tree = ReadonlyMap<string, string>;

/** The five packages that run on any platform. */
export const PORTABLE: readonly string[] = ["rcu", "physmap", "flatview", "ramblock", "iommu"];

/** All workspace members. */
export const MEMBERS: readonly string[] = [...PORTABLE, "examples"];

/** Reads every file under `root`. */
export async function readTree(root: string): Promise<Tree> {
  const tree = new Map<string, string>();
  const read = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
      const path = folder + name;
      if (name === ".git") continue;
      if (isDirectory) await read(`${path}/`);
      else {
        const isText = /\.(ts|json|md)$/.test(name);
        tree.set(path, isText ? await Deno.readTextFile(`${root}/${path}`) : "");
      }
    }
  };
  await read("");
  return tree;
}

/** The top-level folder of a path: a package, or "tools". */
export const topOf = (path: string): string => path.slice(0, Math.max(0, path.indexOf("/")));

/** Whether a TypeScript file serves tests only, so that it is not published. */
export function isTestOnly(path: string): boolean {
  return /_(test|test_worker|bench)\.ts$|(^|\/)(model|explore|testdata)\//.test(path);
}

/** Whether a file is TypeScript that would be published if it is in a package. */
export function isPublished(path: string): boolean {
  return path.endsWith(".ts") && !path.endsWith(".as.ts") && !isTestOnly(path);
}

/** Whether a file is AssemblyScript that the kernels of others import, and is published for them. */
export function isForKernels(path: string): boolean {
  return /\/assembly\/\w+\.as\.ts$/.test(path);
}

/** Whether a file's code blocks are examples for users: what is published, READMEs and references. */
export function isDocumented(path: string): boolean {
  return path === "README.md" ||
    (MEMBERS.includes(topOf(path)) && /\/(README|REFERENCE)\.md$/.test(path)) ||
    (PORTABLE.includes(topOf(path)) && isPublished(path));
}

/** TypeScript without its comments. A string that contains slashes stays as it is. */
export function withoutComments(source: string): string {
  const token =
    /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  return source.replace(token, (text) => text.startsWith("/") ? " " : text);
}
