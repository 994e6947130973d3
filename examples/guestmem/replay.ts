import { publishMachine } from "@guestmem/flatview/machine";
import { UsageError } from "../lib/command_line/values.ts";
import { readLines } from "../lib/text_files.ts";
import { parseTraceLine } from "../lib/trace_line.ts";
import { EXIT_FAILED, EXIT_OK } from "../lib/command_line/program.ts";
import type { Environment } from "./command.ts";
import { namingFile, readMachine } from "./machine_file.ts";
import { createMemory } from "./memory.ts";
import { Progress } from "./progress.ts";
import { Replay, type ReplayCounts } from "./trace_replay.ts";

/** `replay --before A.json [--after B.json] TRACE.gz...`: looks up every access of a boot trace. */
export async function replay(
  before: string,
  after: string | undefined,
  traces: readonly string[],
  json: boolean,
  env: Environment,
): Promise<number> {
  const { arena, domain } = createMemory();
  const publish = async (file: string) =>
    publishMachine(await readMachine(file, env), { arena, domain }).topology;
  const first = await publish(before);
  const last = after === undefined ? first : await publish(after);
  const replay = new Replay(first, last, arena, domain.register());
  const progress = new Progress(traces.length);
  for (const [index, trace] of traces.entries()) {
    progress.show(index, trace);
    let number = 0;
    for await (const text of readLines(trace, env)) {
      number++;
      const line = namingFile(trace, () => parseTraceLine(text, number));
      if (after === undefined && line.event === "viewNew") {
        throw new UsageError(
          `${trace}: line ${number}: the map changes here: expected --after and the map at the end`,
        );
      }
      replay.take(line, trace, number);
    }
  }
  progress.clear();
  const counts = replay.finish();
  if (json) env.out(JSON.stringify(counts));
  else report(counts, replay, env);
  return counts.wrong > 0 ? EXIT_FAILED : EXIT_OK;
}

function report(counts: ReplayCounts, { wrong }: Replay, { out }: Environment): void {
  for (const key of ["agreed", "otherPath", "undecided", "wrong"] as const) {
    const share = counts.accesses === 0 ? 0 : (100 * counts[key]) / counts.accesses;
    out(`${key}: ${counts[key]} of ${counts.accesses} (${share.toFixed(3)} %)`);
  }
  for (const { file, line, access } of wrong) {
    out(`  ${file}:${line}: no view shows "${access.name}" at 0x${access.addr.toString(16)}`);
  }
  if (counts.wrong > wrong.length) out(`  ... ${counts.wrong - wrong.length} more`);
}
