import type { PrintedView } from "@guestmem/flatview/mtree";
import type { Call } from "../lib/command_line/call.ts";
import { EXIT_OK } from "../lib/command_line/program.ts";
import { UsageError } from "../lib/command_line/values.ts";
import { type Environment, printOrWrite } from "./command.ts";
import { drawMap } from "./map_bars.ts";
import { mapRows } from "./map_rows.ts";
import { drawSvg } from "./map_svg.ts";
import { readViews } from "./views_file.ts";

/** `map FILE [--svg]`: draws what an address space shows. */
export async function map(call: Call, env: Environment): Promise<number> {
  const [file] = call.words as [string];
  const name = call.value("as");
  const rows = mapRows(viewOf(await readViews(file, env), name).ranges);
  const lines = call.has("svg") ? drawSvg(rows) : drawMap(rows, env.columns?.());
  await printOrWrite(lines, call.value("output"), env);
  return EXIT_OK;
}

/** The view of an address space; if none is named, of "memory", or else of the first one. */
function viewOf(views: readonly PrintedView[], name: string | undefined): PrintedView {
  const of = (wanted: string) =>
    views.find(({ addressSpaces }) => addressSpaces.some(({ name }) => name === wanted));
  const view = name === undefined ? of("memory") ?? views[0] : of(name);
  if (view !== undefined) return view;
  const names = new Set(
    views.flatMap(({ addressSpaces }) => addressSpaces.map(({ name }) => name)),
  );
  throw new UsageError(`Cannot draw --as "${name}": expected one of ${[...names].join(", ")}`);
}
