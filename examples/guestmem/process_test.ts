/** The program as a process: pipes that close, and files that cannot be written. */

import { mayRun } from "#tools/check/permissions.ts";
import { assertEquals, assertMatch } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const LARGE = "flatview/testdata/q35-255-virtio-net.json.gz";
const TREE = "examples/testdata/i386-isapc.defaults.tree.txt.gz";
const ignore = !await mayRun();

function start(...words: string[]): Deno.ChildProcess {
  const args = ["run", "--no-check", "--allow-read", "--allow-write"];
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...args,
      "--import-map=tools/offline/imports.json",
      "examples/guestmem/main.ts",
      ...words,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test({
  name: "a reader that goes away ends the program quietly, as a signal would",
  ignore,
  async fn() {
    // Its text is longer than what a pipe holds, so it still writes when the pipe closes.
    const child = start("machine", "flat", LARGE);
    await child.stdout.cancel();
    const stderr = await new Response(child.stderr).text();
    assertEquals([(await child.status).code, stderr], [141, ""]);
  },
});

Deno.test({
  name: "an output that cannot be written is one line, and exit 2",
  ignore,
  async fn() {
    const child = start("mtree", "import", TREE, "--output", "/no/such/folder/machine.json");
    const { code, stderr } = await child.output();
    const text = new TextDecoder().decode(stderr);
    assertMatch(text, /^\/no\/such\/folder\/machine\.json: [^\n]+\n$/);
    assertEquals(code, 2);
  },
});
