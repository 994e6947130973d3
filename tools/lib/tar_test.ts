import { assertEquals, assertRejects } from "@std/assert";
import { readTarball } from "./tar.ts";

/** One entry: a header with what a reader needs, and the content in whole blocks. */
function entry(name: string, content: string, { kind = "0", prefix = "" } = {}): Uint8Array {
  const bytes = new TextEncoder().encode(content);
  const entry = new Uint8Array(512 + Math.ceil(bytes.length / 512) * 512);
  const put = (at: number, text: string) => entry.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(124, bytes.length.toString(8).padStart(11, "0"));
  put(156, kind);
  put(345, prefix);
  entry.set(bytes, 512);
  return entry;
}

const zip = (...entries: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> =>
  new Response(
    new Blob([...entries as Uint8Array<ArrayBuffer>[], new Uint8Array(1024)]).stream()
      .pipeThrough(new CompressionStream("gzip")),
  ).bytes();

Deno.test("files come by path, without the folder around them", async () => {
  const long = "x".repeat(1000);
  const tarball = await zip(
    entry("package/", "", { kind: "5" }),
    entry("package/a.txt", "one"),
    entry("package/empty", ""),
    entry("b.txt", long, { prefix: "package/deep" }),
  );
  const files = [...await readTarball(tarball)];
  const text = new TextDecoder();
  assertEquals(files.map(([path, bytes]) => [path, text.decode(bytes)]), [
    ["a.txt", "one"],
    ["empty", ""],
    ["deep/b.txt", long],
  ]);
});

Deno.test("anything but files and folders is refused", async () => {
  const tarball = await zip(entry("package/link", "", { kind: "2" }));
  await assertRejects(() => readTarball(tarball), Error, "package/link is an entry of kind");
});
