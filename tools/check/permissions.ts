/**
 * What tests may do that need more than to read and write files.
 *
 * @module
 */

/**
 * Whether programs may be run. Tests that need to are ignored under `deno task test`, which grants
 * files only, and run by `deno task check`.
 */
export async function mayRun(): Promise<boolean> {
  const states = await Promise.all(
    (["run", "env"] as const).map((name) => Deno.permissions.query({ name })),
  );
  return states.every(({ state }) => state === "granted");
}
