/**
 * Tries the npm packages where they are used: `deno task npm:scratch --help`.
 *
 * @module
 */

import { singleCommand } from "../../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../../examples/lib/command_line/run_program.ts";
import { findChromium, launch } from "../../browser/chromium.ts";
import { serveSite } from "../../browser/site.ts";
import { run } from "../../lib/command.ts";
import { readTree } from "../../lib/tree.ts";
import { buildPackages } from "../build_packages.ts";
import { packAll } from "../tarballs.ts";
import { BUNDLERS, TRIALS, VITE_CONFIG, writeProject } from "./scratch_project.ts";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** The files of a folder, as a site. */
async function siteOf(folder: string): Promise<Map<string, [string, string]>> {
  const site = new Map<string, [string, string]>();
  const read = async (path: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder + path)) {
      if (isDirectory) await read(`${path}${name}/`);
      else {
        const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
        site.set(path + name, [type, await Deno.readTextFile(folder + path + name)]);
      }
    }
  };
  await read("/");
  return site;
}

/** Opens a page in Chromium. @returns What is wrong, or undefined. */
async function visit(chromium: string, folder: string): Promise<string | undefined> {
  const server = serveSite(await siteOf(folder), { isolated: true });
  const browser = await launch(chromium);
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`http://localhost:${server.addr.port}/page.html`);
    const answer = page.locator("body[data-answer]");
    await answer.waitFor({ state: "attached", timeout: 30_000 }).catch((error) =>
      errors.push(String(error))
    );
    if (errors.length > 0) return errors.join("\n");
    const found = await answer.getAttribute("data-answer");
    return found === "20" ? undefined : `the page shows ${found}, not 20`;
  } finally {
    await browser.close();
    await server.shutdown();
  }
}

async function bundleAndVisit(bundler: string, folder: string): Promise<string | undefined> {
  try {
    await run("npx", BUNDLERS[bundler]!, folder);
  } catch (error) {
    return String(error);
  }
  const chromium = await findChromium();
  if (chromium === undefined) return "there is no Chromium here";
  return await visit(chromium, `${folder}/out-${bundler}`);
}

async function tryAll(out: (line: string) => void): Promise<number> {
  const folder = await Deno.makeTempDir();
  let failed = 0;
  const judge = (name: string, problem: string | undefined) => {
    out(`${problem === undefined ? "ok    " : "FAILED"} ${name}`);
    if (problem !== undefined) {
      failed++;
      out(problem);
    }
  };
  try {
    out("Building the packages, and installing them in a project ...");
    await buildPackages(await readTree("."), folder);
    const project = `${folder}/project`;
    await Deno.mkdir(project);
    await writeProject(project, await packAll(folder));
    await Deno.writeTextFile(`${project}/vite.config.js`, VITE_CONFIG);
    for (const { name, attempt } of TRIALS) judge(name, await attempt(project));
    for (const bundler of Object.keys(BUNDLERS)) {
      judge(`${bundler}, Chromium`, await bundleAndVisit(bundler, project));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return failed;
}

const SCRATCH = singleCommand({
  command: "deno task npm:scratch",
  summary: "Tries the npm packages in a scratch project: Node, Bun, Deno, bundlers, Chromium.",
  details: "Needs npm's registry, for the runtimes, the bundlers and TypeScript.",
  run: async (_, { out }) => await tryAll(out) === 0 ? 0 : 1,
  notes: "Exit status: 1 if one of them fails.",
});

await runMain(SCRATCH, STANDARD_OUTPUT);
