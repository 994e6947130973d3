/**
 * Tests the example page in a headless Chromium, or serves it: `deno task browser --help`.
 *
 * @module
 */

import type { Browser, Page } from "playwright-core";
import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import type { SoakReport } from "../../examples/soak/supervisor.ts";
import { findChromium, launch } from "./chromium.ts";
import { buildSite, serveSite } from "./site.ts";

type Site = Awaited<ReturnType<typeof buildSite>>;

interface Outcome {
  readonly state: string;
  readonly status: string;
  readonly table: string;
  /** Outcome of blocking the main thread; tried only if the page passes. */
  readonly blocking: string | undefined;
}

/** Waits for the page's result. */
async function outcomeOf(page: Page): Promise<Outcome> {
  await page.waitForSelector("body:not([data-state=running])");
  const body = page.locator("body");
  const state = await body.getAttribute("data-state") ?? "";
  if (state === "passed") {
    await page.addScriptTag({ type: "module", url: "blocking.js" });
    await page.waitForSelector("[data-blocking]");
  }
  return {
    state,
    status: await page.locator("#status").innerText(),
    table: await page.locator("table").innerText(),
    blocking: await body.getAttribute("data-blocking") ?? undefined,
  };
}

/** Opens the page and returns its outcome. */
async function visit(browser: Browser, site: Site, isolated: boolean): Promise<Outcome> {
  const server = serveSite(site, { isolated });
  const page = await browser.newPage();
  try {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`http://localhost:${server.addr.port}/`);
    const outcome = await outcomeOf(page);
    if (errors.length > 0) throw new Error(`The page has thrown:\n${errors.join("\n")}`);
    return outcome;
  } finally {
    await page.close();
    await server.shutdown();
  }
}

/** Runs the example of a worker's death in the page. */
async function deaths(browser: Browser, site: Site): Promise<void> {
  const server = serveSite(site, { isolated: true });
  const page = await browser.newPage();
  try {
    await page.goto(`http://localhost:${server.addr.port}/`);
    await page.waitForSelector("body:not([data-state=running])");
    await page.addScriptTag({ type: "module", url: "deaths.js" });
    await page.waitForSelector("[data-deaths]");
    const outcome = await page.locator("body").getAttribute("data-deaths") ?? "";
    console.log(`A worker has died: ${outcome}`);
    const { members, lock } = JSON.parse(outcome);
    if (members.readers !== 1 || members.mutexes !== 1 || lock !== "owner-died") {
      throw new Error("The page has not evicted a dead worker");
    }
  } finally {
    await page.close();
    await server.shutdown();
  }
}

/** How long workers live and die in the page. */
const SOAK_MS = 60_000;

/** Lets workers of the page die and be evicted; throws if anything is wrong in the end. */
async function soak(browser: Browser, site: Site): Promise<void> {
  const server = serveSite(site, { isolated: true });
  const page = await browser.newPage();
  try {
    await page.goto(`http://localhost:${server.addr.port}/?ms=${SOAK_MS}`);
    await page.waitForSelector("body:not([data-state=running])");
    await page.addScriptTag({ type: "module", url: "soak.js" });
    await page.waitForSelector("[data-soak]", { timeout: 3 * SOAK_MS });
    const report = await page.locator("body").getAttribute("data-soak") ?? "";
    const { counts, problems } = JSON.parse(report) as SoakReport;
    console.log(`Soak: ${counts["evictions"]} evictions, ${counts["bad"]} bad reads`, counts);
    if (problems.length > 0) throw new Error(`The soak has failed:\n${problems.join("\n")}`);
  } finally {
    await page.close();
    await server.shutdown();
  }
}

/** Throws unless the page passes when isolated, and names what is missing when not. */
async function test(browser: Browser): Promise<void> {
  const site = await buildSite();
  const isolated = await visit(browser, site, true);
  console.log(`${isolated.status}\n${isolated.table}`);
  if (isolated.state !== "passed") throw new Error("The page has failed");
  if (isolated.blocking !== "refused") throw new Error("The main thread was allowed to block");

  const bare = await visit(browser, site, false);
  console.log(`Without isolation: ${bare.status}`);
  await deaths(browser, site);
  await soak(browser, site);
  if (bare.state !== "failed" || !bare.status.includes("not cross-origin isolated")) {
    throw new Error("The page does not say that it lacks cross-origin isolation");
  }
}

/** Serves the page until the program is stopped. */
async function serve(): Promise<void> {
  const server = serveSite(await buildSite(), { isolated: true, port: 8000 });
  console.log(`http://localhost:${server.addr.port}/`);
  await server.finished;
}

async function testInChromium(): Promise<void> {
  const path = await findChromium();
  if (path === undefined) {
    console.log(
      "SKIPPED: there is no Chromium here. Install it, or name one in the environment variable CHROMIUM.",
    );
    return;
  }
  console.log("Building the page, and starting Chromium ...");
  const browser = await launch(path);
  try {
    await test(browser);
  } finally {
    await browser.close();
  }
}

const BROWSER = singleCommand({
  command: "deno task browser",
  summary: "Tests the example page in a headless Chromium.",
  options: { serve: { help: "serves it until it is stopped, for a browser of your own" } },
  run: async (call) => {
    await (call.has("serve") ? serve() : testInChromium());
    return 0;
  },
});

await runMain(BROWSER, STANDARD_OUTPUT);
