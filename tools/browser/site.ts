/**
 * The example page, bundled and served.
 *
 * @module
 */

/** The bundles by name, with their sources. The page itself does not load those after the second. */
const BUNDLES: Readonly<Record<string, string>> = {
  "page.js": "examples/portable/page.ts",
  "vcpu.js": "examples/portable/vcpu_web.ts",
  "blocking.js": "tools/browser/blocking.ts",
  "deaths.js": "tools/browser/deaths.ts",
  "worker.ts": "examples/learn/deaths/worker.ts",
  "soak.js": "examples/soak/page.ts",
  "soak_worker.js": "examples/soak/worker_web.ts",
};

/**
 * Shared memory exists only in cross-origin isolated pages: those served with these headers, over
 * HTTPS or from localhost.
 */
const ISOLATION: Readonly<Record<string, string>> = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Bundles a module for browsers. */
async function bundle(source: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", "--import-map=tools/offline/imports.json", source],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`Cannot bundle ${source}:\n${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** The site's files: path, type, content. Must be called in the repository's root. */
export async function buildSite(): Promise<Map<string, [type: string, content: string]>> {
  const page = await Deno.readTextFile("examples/portable/index.html");
  const files = new Map<string, [string, string]>([["/", ["text/html; charset=utf-8", page]]]);
  for (const [name, source] of Object.entries(BUNDLES)) {
    files.set(`/${name}`, ["text/javascript; charset=utf-8", await bundle(source)]);
  }
  return files;
}

/**
 * Serves the site on a free port of localhost.
 *
 * @param isolated Whether to send the headers that make a page cross-origin isolated.
 */
export function serveSite(
  site: Awaited<ReturnType<typeof buildSite>>,
  { isolated, port = 0 }: { isolated: boolean; port?: number },
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "localhost", port, onListen: () => {} }, (request) => {
    const [type, content] = site.get(new URL(request.url).pathname) ?? [];
    if (content === undefined) return new Response("not found", { status: 404 });
    return new Response(content, {
      headers: { "Content-Type": type!, ...(isolated ? ISOLATION : {}) },
    });
  });
}
