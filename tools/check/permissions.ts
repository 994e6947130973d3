/**
 * Permissions that some tests need beyond reading and writing files.
 *
 * @module
 */

/**
 * Whether programs may be run. Tests that do so are skipped by `deno task test`, which grants access to
 * files only; `deno task check` runs them.
 */
export async function mayRun(): Promise<boolean> {
  const states = await Promise.all(
    (["run", "env"] as const).map((name) => Deno.permissions.query({ name })),
  );
  return states.every(({ state }) => state === "granted");
}
