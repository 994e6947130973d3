/** RAM blocks over real files, through Deno's and Node's adapters: loading and writing back. */

import { type BackingFile, GuestRam, RamBlockError, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { DenoFile } from "../learn/ram_files/deno_file.ts";
import { NodeFile } from "../learn/ram_files/node_file.ts";

const PAGE = 4096;
/** More than the pieces in which content is moved, and no multiple of them. */
const LENGTH = 129 * PAGE;

interface OpenFile extends BackingFile {
  close(): void;
}
type Open = (path: string, mode: "r" | "r+") => OpenFile;

const ADAPTERS: readonly [name: string, open: Open, missing: (error: unknown) => boolean][] = [
  ["Deno", (path, mode) => new DenoFile(path, mode), (e) => e instanceof Deno.errors.NotFound],
  [
    "Node",
    (path, mode) => new NodeFile(path, mode),
    (e) => Reflect.get(e as Error, "code") === "ENOENT",
  ],
];

/** Bytes that tell their position, to the page and within it. */
const pattern = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + Math.floor(i / PAGE) * 13) & 0xff);

function createMachine() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: 1 << 21, windowBytes: 1 << 18 });
  const blocks = new RamList(ram);
  const reader = domain.register();
  const inSection = <T>(body: (guard: ReturnType<typeof reader.lock>) => T): T => {
    const guard = reader.lock();
    try {
      return body(guard);
    } finally {
      guard.unlock();
    }
  };
  const read = (address: number, length: number) =>
    inSection((guard) => {
      const bytes = new Uint8Array(length);
      ram.read(guard, address, bytes);
      return bytes;
    });
  const write = (address: number, bytes: Uint8Array) =>
    inSection((guard) => ram.write(guard, address, bytes));
  return { domain, blocks, read, write };
}

/** Runs `body` with a file of this content, which is gone afterwards. */
async function withFile(
  content: Uint8Array,
  body: (path: string) => void | Promise<void>,
): Promise<void> {
  const path = Deno.makeTempFileSync({ prefix: "guestmem-" });
  try {
    Deno.writeFileSync(path, content);
    await body(path);
  } finally {
    Deno.removeSync(path);
  }
}

for (const [name, open, isMissing] of ADAPTERS) {
  Deno.test(`${name}: a block has its file's content, and the file the block's after reclaim`, () =>
    withFile(pattern(LENGTH + 100), (path) => {
      const { domain, blocks, read, write } = createMachine();
      blocks.addAnonymous({ name: "below", length: PAGE }); // so that the block straddles windows
      const file = open(path, "r+");
      const { id, offset } = blocks.addFile({ name: "nvdimm", length: LENGTH, file });
      assertEquals(read(offset, LENGTH), pattern(LENGTH));

      const expected = pattern(LENGTH + 100);
      const written = Uint8Array.of(1, 2, 3, 4);
      for (const at of [0, (1 << 18) - 2, LENGTH - 4]) {
        write(offset + at, written);
        expected.set(written, at);
      }
      assertEquals(Deno.readFileSync(path), pattern(LENGTH + 100), "written back at reclaim only");
      blocks.remove(id);
      domain.barrier();
      assertEquals(Deno.readFileSync(path), expected, "and nothing behind the block's length");
      assertEquals(blocks.retired(), []);
      file.close();
    }));

  Deno.test(`${name}: a file that is too short, missing or unreadable is an error, and adds nothing`, () =>
    withFile(pattern(LENGTH - 1), (path) => {
      const { blocks, read } = createMachine();
      const file = open(path, "r+");
      const add = (file: BackingFile) => () =>
        void blocks.addFile({ name: "nvdimm", length: LENGTH, file });
      const block = "nvdimm";
      const short = assertThrows(add(file), RamBlockError);
      assertEquals(short.code, "FILE_TOO_SHORT");
      assertEquals(short.details, { block, action: "read", position: LENGTH - 1, length: LENGTH });
      file.close();
      const closed = assertThrows(add(file), RamBlockError);
      assertEquals(closed.code, "FILE_FAILED");
      assertEquals(closed.details, { block, action: "read", position: 0 });
      assert(isMissing(assertThrows(() => open(`${path}.missing`, "r+"))));
      assertEquals(blocks.blocks(), []);
      const { offset } = blocks.addAnonymous({ name: "nvdimm", length: LENGTH });
      assert(read(offset, LENGTH).every((byte) => byte === 0), "what was loaded is gone");
    }));

  Deno.test(`${name}: a file that cannot be written is reported; its block waits for a better one`, () =>
    withFile(pattern(LENGTH), (path) => {
      const { domain, blocks, write } = createMachine();
      const readOnly = open(path, "r");
      let current: BackingFile = readOnly;
      const file: BackingFile = {
        read: (into, position) => current.read(into, position),
        write: (from, position) => current.write(from, position),
        flush: () => current.flush(),
      };
      const { id, offset } = blocks.addFile({ name: "nvdimm", length: LENGTH, file });
      write(offset + PAGE, Uint8Array.of(0xaa));
      const reports: RamBlockError<"RECLAIM_FAILED">[] = [];
      blocks.onReclaimError = (error) => reports.push(error);
      blocks.remove(id);
      domain.barrier();
      assertEquals(reports.map(({ details }) => details.id), [id]);
      const cause = reports[0]!.cause;
      assertInstanceOf(cause, RamBlockError);
      assertEquals(cause.code, "FILE_FAILED");
      assertEquals(cause.details, { block: "nvdimm", action: "write", position: 0 });
      assertInstanceOf(cause.cause, Error);
      assertEquals(blocks.retired().map(({ id }) => id), [id], "held");
      assertEquals(Deno.readFileSync(path), pattern(LENGTH));

      const writable = open(path, "r+");
      current = writable;
      blocks.retryReclaim(id);
      const expected = pattern(LENGTH);
      expected[PAGE] = 0xaa;
      assertEquals(Deno.readFileSync(path), expected, "not lost");
      assertEquals(blocks.retired(), []);
      readOnly.close();
      writable.close();
    }));
}
