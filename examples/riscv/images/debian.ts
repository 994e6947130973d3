/**
 * Debian's packages for riscv64, without a change to the system: apt with a folder of its own.
 *
 * @module
 */

import { UsageError } from "../../lib/command_line/values.ts";

/** The packages that have what a guest needs. */
const KERNEL = "linux-image-riscv64";
const PACKAGES = [KERNEL, "opensbi", "busybox-static"];
/** Of what the kernel's package depends on, the parts that have files of its own. */
const KERNEL_PARTS = /^linux-(image|binary|modules)-\d/;
const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Where packages come from. */
export interface Archive {
  /** Address of the archive. */
  readonly mirror: string;
  /** Its suite, such as "sid". */
  readonly suite: string;
}

/** A private apt. */
export class PrivateApt {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Sets it up and fetches the lists of packages.
   *
   * @param folder An empty folder.
   * @throws {UsageError} If the archive cannot be had.
   */
  static async create(folder: string, { mirror, suite }: Archive): Promise<PrivateApt> {
    const apt = new PrivateApt(folder);
    for (const path of ["state/lists/partial", "cache/archives/partial", "packages", "root"]) {
      await Deno.mkdir(`${folder}/${path}`, { recursive: true });
    }
    await Deno.writeTextFile(`${folder}/state/status`, "");
    const source = `deb [arch=riscv64 signed-by=${KEYS}] ${mirror} ${suite} main\n`;
    await Deno.writeTextFile(`${folder}/sources.list`, source);
    await apt.#run("apt-get", ["update", "--error-on=any"]);
    return apt;
  }

  /** Downloads the packages and unpacks them. @returns The folder that they are unpacked to. */
  async unpack(): Promise<string> {
    const depends = await this.#run("apt-cache", [
      ...["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts"],
      ...["--no-breaks", "--no-replaces", "--no-enhances", KERNEL],
    ]);
    const parts = depends.split("\n").filter((name) => KERNEL_PARTS.test(name));
    const folder = `${this.#folder}/packages`;
    await this.#run("apt-get", ["download", ...PACKAGES, ...new Set(parts)], folder);
    const root = `${this.#folder}/root`;
    for await (const { name } of Deno.readDir(folder)) {
      await run("dpkg-deb", ["--extract", `${folder}/${name}`, root]);
    }
    return root;
  }

  #run(program: string, words: readonly string[], cwd?: string): Promise<string> {
    const folder = this.#folder;
    const options = {
      "Dir::State": `${folder}/state`,
      "Dir::State::status": `${folder}/state/status`,
      "Dir::Cache": `${folder}/cache`,
      "Dir::Etc::sourcelist": `${folder}/sources.list`,
      "Dir::Etc::sourceparts": "/dev/null",
      // The folder is this user's alone; root's apt would download as another one.
      "APT::Sandbox::User": "root",
      "APT::Architecture": "riscv64",
      "APT::Architectures": "riscv64",
    };
    const set = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    return run(program, [...set, ...words], cwd);
  }
}

/**
 * Runs a program of the system. @returns What it prints.
 *
 * @throws {UsageError} If it is not there, or fails.
 */
async function run(program: string, words: readonly string[], cwd?: string): Promise<string> {
  const command = new Deno.Command(program, { args: [...words], ...cwd !== undefined && { cwd } });
  let output: Deno.CommandOutput;
  try {
    output = await command.output();
  } catch {
    throw new UsageError(`Cannot fetch packages: ${program} is needed, as a Debian system has it`);
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!output.success) {
    const reason = text(output.stderr).trim().replaceAll("\n", "; ");
    throw new UsageError(`Cannot fetch packages: ${program} failed (${reason})`);
  }
  return text(output.stdout);
}

/** The archive of Debian that this system takes its own packages from, or undefined. */
export async function mirrorOfSystem(): Promise<string | undefined> {
  const files = ["/etc/apt/sources.list"];
  const folder = "/etc/apt/sources.list.d";
  try {
    for await (const { name } of Deno.readDir(folder)) files.push(`${folder}/${name}`);
  } catch { /* there is no such folder */ }
  for (const file of files) {
    const text = await Deno.readTextFile(file).catch(() => "");
    for (const [, mirror] of text.matchAll(/^(?:URIs:|deb(?:\s+\[.*?\])?)\s+(\S+)/gm)) {
      if (/\/debian\/?$/.test(mirror!)) return mirror;
    }
  }
  return undefined;
}

/**
 * The file of a name below a folder.
 *
 * @param isWanted Chooses among files of one name by their paths.
 * @throws {UsageError} If there is none.
 */
export async function findFile(
  folder: string,
  name: string,
  isWanted: (path: string) => boolean = () => true,
): Promise<string> {
  const found = await search(folder, name, isWanted);
  if (found === undefined) throw new UsageError(`Cannot find ${name} in the packages`);
  return found;
}

async function search(
  folder: string,
  name: string,
  isWanted: (path: string) => boolean,
): Promise<string | undefined> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isFile && entry.name === name && isWanted(path)) return path;
    const below = entry.isDirectory ? await search(path, name, isWanted) : undefined;
    if (below !== undefined) return below;
  }
  return undefined;
}

/** Reads a file that `xz` compressed. */
export async function readXz(path: string): Promise<Uint8Array> {
  const { success, stdout } = await new Deno.Command("xz", { args: ["-dc", path] }).output();
  if (!success) throw new UsageError(`Cannot decompress ${path}: xz is needed`);
  return stdout;
}
