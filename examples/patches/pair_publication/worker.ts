/// <reference lib="deno.worker" />
import { Arena, RcuDomain, RcuPair, RcuPointer } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

/** The versions of the root and of the table that the reader leaves with. */
export type Pair = readonly [root: number, table: number];

/** How root and table are published and loaded. */
export type Protocol =
  | "reread the table"
  | "announce the table"
  | "one word"
  | "pointer to a struct";

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "reader" });
  const reader = RcuDomain.attach(arena, data.domain).register();
  const [root, table, next] = data.words.map((at: number) => RcuPointer.attach(arena, at));
  const pair = RcuPair.attach(arena, data.words[3]);
  const struct = RcuPointer.attach(arena, data.words[4]);
  const schedule = Schedule.attach(data.schedule);
  const guard = reader.lock();
  const letWriterGo = () => {
    schedule.reach(1);
    schedule.awaitStep(2);
  };

  const loads: Record<Protocol, () => Pair> = {
    // First sketch: the table did not change while the root was loaded, so both fit. Do they?
    "reread the table": () => {
      letWriterGo();
      for (;;) {
        const t = table.dereference(guard);
        const r = root.dereference(guard);
        if (table.dereference(guard) === t) return [r, t];
      }
    },
    // Second sketch: the table is not the one that is being published, so both fit. Do they?
    "announce the table": () => {
      for (;;) {
        const t = table.dereference(guard);
        letWriterGo();
        const r = root.dereference(guard);
        if (next.dereference(guard) !== t) return [r, t];
      }
    },
    "one word": () => {
      const r = pair.load(guard); // both halves, in one load
      letWriterGo();
      return [r, pair.second];
    },
    "pointer to a struct": () => {
      const block = struct.dereference(guard);
      const r = arena.u32[block / 4]!;
      letWriterGo();
      return [r, arena.u32[block / 4 + 1]!]; // the old struct lives until the section ends
    },
  };
  const seen = loads[data.protocol as Protocol]();
  guard.unlock();
  reader.unregister();
  if (data.protocol === "reread the table") schedule.reach(3);
  self.postMessage(seen);
};
