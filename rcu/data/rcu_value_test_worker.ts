/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import { type ArenaHandle, type DomainHandle, RcuValue } from "../mod.ts";
import { READY, STOP } from "../testdata/shared_words.ts";

/** What a worker publishes: the rounds of a publisher ascend, and give the length of `filler`. */
interface Published {
  readonly by: string;
  readonly round: number;
  readonly filler: string;
}

interface Data {
  arena: ArenaHandle;
  domain: DomainHandle;
  value: number;
  words: SharedArrayBuffer;
}

const setup = (data: Data) => {
  const { arena, domain } = attachAll(data);
  const reader = domain.register();
  const value = RcuValue.attach<Published>(arena, data.value);
  const words = new Int32Array(data.words);
  let round = 1;
  return {
    /** Reads until told to stop. @returns How often a value was torn, or older than one read before. */
    read(): number {
      const last = new Map<string, number>();
      let wrong = 0, versions = 0;
      let before: Published | undefined;
      while (Atomics.load(words, STOP) === 0) {
        const read = value.read(reader);
        if (read === before) continue;
        if (read.filler.length !== read.round % 100) wrong++;
        if ((last.get(read.by) ?? -1) >= read.round) wrong++;
        last.set(read.by, read.round);
        if (++versions === 50) Atomics.add(words, READY, 1);
        before = read;
      }
      return wrong;
    },
    publish(count: number): void {
      for (let more = 0; more < count; more++, round++) {
        value.publish({ by: "worker", round, filler: "y".repeat(round % 100) }, domain);
      }
    },
    barrier: (): void => domain.barrier(),
  };
};
export type Setup = typeof setup;
serve(setup);
