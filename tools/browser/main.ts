/**
 * Tests the example page in a headless Chromium, or serves it:
 *
 *     deno task browser          # tests it; says so if there is no Chromium
 *     deno task browser --serve  # serves it until it is stopped, for a browser of your own
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import type { Browser, Page } from "playwright-core";
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

/** Throws unless the page passes when isolated, and names what is missing when not. */
async function test(browser: Browser): Promise<void> {
  const site = await buildSite();
  const isolated = await visit(browser, site, true);
  console.log(`${isolated.status}\n${isolated.table}`);
  if (isolated.state !== "passed") throw new Error("The page has failed");
  if (isolated.blocking !== "refused") throw new Error("The main thread was allowed to block");

  const bare = await visit(browser, site, false);
  console.log(`Without isolation: ${bare.status}`);
  if (bare.state !== "failed" || !bare.status.includes("not cross-origin isolated")) {
    throw new Error("The page does not say that it lacks cross-origin isolation");
  }
}

async function main(): Promise<void> {
  if (parseArgs(Deno.args, { boolean: ["serve"] }).serve) {
    const server = serveSite(await buildSite(), { isolated: true, port: 8000 });
    console.log(`http://localhost:${server.addr.port}/`);
    return await server.finished;
  }
  const path = await findChromium();
  if (path === undefined) {
    console.log(
      "SKIPPED: there is no Chromium here. Install it, or name one in the environment variable CHROMIUM.",
    );
    return;
  }
  const browser = await launch(path);
  try {
    await test(browser);
  } finally {
    await browser.close();
  }
}

await main();
