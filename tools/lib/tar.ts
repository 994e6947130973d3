/**
 * Reads the gzipped tarballs that npm and Deno make.
 *
 * @module
 */

const BLOCK = 512;

/** A field of a header: text up to the first NUL. */
function field(header: Uint8Array, at: number, length: number): string {
  return new TextDecoder().decode(header.subarray(at, at + length)).replace(/\0.*$/s, "");
}

/**
 * The files of a tarball by path, without the folder that npm puts around them ("package/").
 *
 * @throws {Error} If an entry is neither a plain file nor a folder.
 */
export async function readTarball(
  tarball: Uint8Array<ArrayBuffer>,
): Promise<Map<string, Uint8Array>> {
  const unzipped = new Response(tarball).body!.pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(unzipped).arrayBuffer());
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const header = bytes.subarray(at, at + BLOCK);
    const prefix = field(header, 345, 155);
    const name = (prefix && `${prefix}/`) + field(header, 0, 100);
    const size = parseInt(field(header, 124, 12), 8);
    const kind = String.fromCharCode(header[156]!);
    if (!"0\x005".includes(kind)) {
      throw new Error(`Cannot read a tarball: ${name} is an entry of kind ${JSON.stringify(kind)}`);
    }
    at += BLOCK;
    if (kind !== "5") files.set(name.slice(name.indexOf("/") + 1), bytes.slice(at, at + size));
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
