import { publishMachine } from "@guestmem/flatview/machine";
import {
  liveViews,
  parseFlatViews,
  type PrintedView,
  printFlatViews,
} from "@guestmem/flatview/mtree";
import { readText } from "../lib/text_files.ts";
import type { Environment } from "./command.ts";
import { namingFile, parseMachineFile } from "./machine_file.ts";
import { createMemory } from "./memory.ts";

/** Reads the flat views of a machine file, or of the monitor's text (`info mtree -f`). */
export async function readViews(file: string, env: Environment): Promise<PrintedView[]> {
  const text = await readText(file, env);
  if (!text.trimStart().startsWith("{")) return namingFile(file, () => parseFlatViews(text));
  const { topology } = publishMachine(parseMachineFile(file, text), createMemory());
  return parseFlatViews(printFlatViews(liveViews(topology, false)).join("\n"));
}
