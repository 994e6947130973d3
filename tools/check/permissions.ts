/**
 * What tests may do that need more than to read files.
 *
 * @module
 */

/**
 * Whether programs may be run and files written. Tests that need to are ignored under
 * `deno task test`, which only grants reading, and run by `deno task check`.
 */
export async function mayRun(): Promise<boolean> {
  const states = await Promise.all(
    (["run", "write", "env"] as const).map((name) => Deno.permissions.query({ name })),
  );
  return states.every(({ state }) => state === "granted");
}
