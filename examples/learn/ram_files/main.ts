/**
 * Guest memory that outlives its machine: an NVDIMM backed by a file.
 *
 * A guest writes into the DIMM from a vCPU's worker. When the DIMM is unplugged, its memory is
 * written back to the file once no vCPU can see it; a machine that starts later finds it again.
 *
 *     deno run --allow-read --allow-write examples/learn/ram_files/main.ts [FILE]
 *
 * @module
 */

import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { ask } from "../../lib/workers.ts";
import { DenoFile } from "./deno_file.ts";
import type { Entry } from "./worker.ts";

const NVDIMM_BYTES = 1 << 20;

/**
 * Starts a machine with the file as its NVDIMM, lets its guest write a line into it, and unplugs
 * it.
 *
 * @param path A file of at least a mebibyte.
 * @param line What the guest appends to the lines that are there.
 * @returns The lines that the guest found there.
 */
export async function boot(path: string, line: string): Promise<string[]> {
  const file = new DenoFile(path, "r+");
  try {
    const arena = Arena.create({ bytes: 1 << 20 });
    const domain = RcuDomain.create(arena);
    const blocks = new RamList(GuestRam.create(domain, { bytes: 1 << 24 }));
    const { id, offset } = blocks.addFile({ name: "nvdimm", length: NVDIMM_BYTES, file });

    const ram = blocks.ram.handle;
    const found = await ask<string[]>(
      import.meta.resolve("./worker.ts"),
      { arena: arena.handle, ram, offset, line } satisfies Entry,
    );

    blocks.remove(id);
    await domain.barrierAsync(); // no vCPU sees the block any more: it is written back and flushed
    return found;
  } finally {
    file.close();
  }
}

if (import.meta.main) {
  const path = Deno.args[0] ?? await Deno.makeTempFile({ prefix: "nvdimm-" });
  if (Deno.statSync(path).size < NVDIMM_BYTES) Deno.truncateSync(path, NVDIMM_BYTES);
  for (const line of ["Set up.", "Resumed."]) {
    const found = await boot(path, line);
    console.log(`The guest found ${JSON.stringify(found)} in its NVDIMM and added "${line}"`);
  }
  if (Deno.args.length === 0) Deno.removeSync(path);
}
