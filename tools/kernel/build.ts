/**
 * Compiles each package's WebAssembly kernel from its AssemblyScript source and embeds the bytes in
 * a TypeScript module, since a worker of a JSR or npm package must load them with no file access.
 *
 * A kernel imports the offsets and sizes of what lies in shared memory from `./layouts`. The compiler
 * gets that module from here, made of what `layouts.ts` beside the kernel exports. Source that the
 * kernels of others import finds them in a file, `constants.as.ts`, which is written here too.
 *
 *     deno task kernel           # rebuild every kernel
 *     deno task kernel --check   # recompile, compare, exit 1 if a committed module differs
 *
 * @module
 */

import asc from "assemblyscript/asc";
import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { screenOf } from "../../examples/lib/terminal/screen.ts";
import { StatusLine } from "../../examples/lib/terminal/status_line.ts";
import { constantsOf } from "./constants.ts";

/** 65,536 pages: the import accepts any shared memory whose own maximum is at most this. */
const MAXIMUM_PAGES = 65536;

/** Folders of source that the kernels of others import. */
const IMPORTED = ["flatview/vcpu/assembly"];

/** Section ids of the WebAssembly binary format that a kernel must not have. */
const FORBIDDEN_SECTIONS = new Map([
  [8, "a start function: it would run again over live memory in every worker"],
  [11, "a data segment: it would be written again over live memory by every instantiation"],
]);

/** Compiles one kernel. */
async function compile(folder: string): Promise<Uint8Array> {
  const constants = constantsOf(await sharedOf(folder));
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([
    `${folder}/kernel.as.ts`,
    ...["--runtime", "stub", "--noAssert", "--optimizeLevel", "3", "--shrinkLevel", "0"],
    ...["--enable", "threads", "--importMemory", "--sharedMemory"],
    ...["--initialMemory", "1", "--maximumMemory", String(MAXIMUM_PAGES), "--use", "abort="],
    ...["--outFile", "kernel.wasm"],
  ], {
    readFile: (name: string) => {
      if (name === `${folder}/layouts.ts`) return constants;
      // The compiler looks for a package where npm would have installed it.
      const path = name.replace(/^node_modules\/@guestmem\//, "");
      return Deno.readTextFile(path).catch(() => null);
    },
    writeFile: (name: string, contents: Uint8Array | string) => {
      if (name === "kernel.wasm") binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) {
    throw new Error(`Cannot compile ${folder}/kernel.as.ts:\n${stderr.toString()}`);
  }
  rejectForbiddenSections(folder, binary);
  return binary;
}

/** What a kernel shares with TypeScript; nothing if there is no `layouts.ts` beside it. */
async function sharedOf(folder: string): Promise<Record<string, unknown>> {
  const path = `${Deno.cwd()}/${folder}/layouts.ts`;
  const exists = await Deno.stat(path).then(() => true, () => false);
  return exists ? await import(`file://${path}`) : {};
}

/** Throws if the module has a section that would write to live memory at instantiation. */
function rejectForbiddenSections(folder: string, binary: Uint8Array): void {
  for (let at = 8; at < binary.length;) {
    const id = binary[at++]!;
    const reason = FORBIDDEN_SECTIONS.get(id);
    if (reason) throw new Error(`Cannot embed the kernel of ${folder}: it has ${reason}`);
    let size = 0;
    for (let shift = 0;; shift += 7) {
      const byte = binary[at++]!;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += size;
  }
}

/** The text of the generated module. */
function moduleText(binary: Uint8Array): string {
  const base64 = binary.toBase64().replace(/.{1,96}/g, (line) => `  "${line}",\n`);
  return `// Generated from kernel.as.ts by \`deno task kernel\`; do not edit.
// deno-fmt-ignore-file

/** The kernel's WebAssembly module, in base64. */
export const KERNEL_BASE64: string = [
${base64}].join("");
`;
}

/** The folders of the workspace that hold a kernel's source, in the order of their names. */
function kernelFolders(): string[] {
  const members = [...Deno.readDirSync(".")].filter((entry) =>
    entry.isDirectory && entry.name !== "tools" && !entry.name.startsWith(".")
  );
  return members.flatMap((entry) => kernelFoldersIn(entry.name)).sort();
}

function kernelFoldersIn(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)];
  const isKernel = entries.some((entry) => entry.isFile && entry.name === "kernel.as.ts");
  const inner = entries.filter((entry) => entry.isDirectory)
    .flatMap((entry) => kernelFoldersIn(`${folder}/${entry.name}`));
  return isKernel ? [folder, ...inner] : inner;
}

/** Writes a generated file, or with `check` compares it with the committed one. @returns Whether it is stale. */
async function put(path: string, source: string, text: string, check: boolean): Promise<boolean> {
  const committed = await Deno.readTextFile(path).catch(() => "");
  if (text === committed) return false;
  if (check) {
    console.error(`${path} does not match ${source}: run \`deno task kernel\``);
    return true;
  }
  await Deno.writeTextFile(path, text);
  console.log(`${path} rebuilt`);
  return false;
}

async function build(check: boolean): Promise<boolean> {
  const line = new StatusLine(screenOf(Deno.stderr));
  let stale = false;
  for (const folder of IMPORTED) {
    const constants = constantsOf(await sharedOf(folder));
    const header = "// Generated from layouts.ts by `deno task kernel`; do not edit.\n\n";
    const path = `${folder}/constants.as.ts`;
    stale = await put(path, "layouts.ts", header + constants, check) || stale;
  }
  for (const folder of kernelFolders()) {
    line.show([`compiling ${folder}`]);
    const text = moduleText(await compile(folder));
    line.clear();
    stale = await put(`${folder}/bytes.ts`, "kernel.as.ts", text, check) || stale;
  }
  return stale;
}

const KERNEL = singleCommand({
  command: "deno task kernel",
  summary: "Compiles the WebAssembly kernels into the modules that embed them.",
  options: {
    check: { help: "only compares them with the committed bytes; exit 1 if one differs" },
  },
  run: async (call) => await build(call.has("check")) ? 1 : 0,
});

await runMain(KERNEL, STANDARD_OUTPUT);
