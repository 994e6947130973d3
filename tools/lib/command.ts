/**
 * Running other programs.
 *
 * @module
 */

/** Runs a command to its end and returns what it wrote to stdout; throws with all of it if it failed. */
export async function run(command: string, args: string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  const [out, err] = [text.decode(stdout), text.decode(stderr)];
  if (!success) throw new Error(`${command} ${args.join(" ")} failed:\n${out}${err}`);
  return out;
}
