/**
 * Running other programs.
 *
 * @module
 */

/** What a program wrote, and whether it succeeded. */
export interface CommandOutput {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, without colours. */
export async function outputOf(
  command: string,
  args: readonly string[],
  cwd?: string,
): Promise<CommandOutput> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    ...(cwd !== undefined && { cwd }),
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs a command and returns what it wrote to stdout. Throws with all that it wrote if it failed. */
export async function run(
  command: string,
  args: readonly string[],
  cwd?: string,
): Promise<string> {
  const { success, stdout, stderr } = await outputOf(command, args, cwd);
  if (!success) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}
