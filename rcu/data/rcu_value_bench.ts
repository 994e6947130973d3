/**
 * Reading a value that workers share and that seldom changes, beside what would be used without it: a
 * copy and `JSON.parse` for each read of a `SharedArrayBuffer`, and the same only if a counter has
 * changed.
 *
 * An iteration is a million reads, so milliseconds per iteration read as nanoseconds per read; of the
 * first alternative it is a thousand reads. Nobody publishes meanwhile.
 */

import { Arena, RcuDomain, RcuValue } from "@guestmem/rcu";

const READS = 1_000_000;
const CONFIG = { requests: 10, paths: ["/", "/new"], limits: { bytes: 1 << 20 } };

const arena = Arena.create({ bytes: 1 << 20 });
const value = RcuValue.create(arena, CONFIG);
const text = new TextEncoder().encode(JSON.stringify(CONFIG));
const shared = new Uint8Array(new SharedArrayBuffer(text.length));
shared.set(text);
const counter = new Int32Array(new SharedArrayBuffer(4));
const parse = () => JSON.parse(new TextDecoder().decode(shared.slice())) as typeof CONFIG;
let sum = 0;

const reader = RcuDomain.create(arena).register();

Deno.bench({
  name: "RcuValue",
  group: "a million reads",
  fn() {
    for (let read = 0; read < READS; read++) sum += value.read(reader).requests;
  },
});

Deno.bench({
  name: "a counter in Atomics, and an object of the caller's (torn while it is written)",
  group: "a million reads",
  baseline: true,
  fn() {
    let seen = -1;
    let config = CONFIG;
    for (let read = 0; read < READS; read++) {
      const now = Atomics.load(counter, 0);
      if (now !== seen) {
        config = parse();
        seen = now;
      }
      sum += config.requests;
    }
  },
});

Deno.bench("JSON.parse of a copy, a thousand reads", () => {
  for (let read = 0; read < READS / 1000; read++) sum += parse().requests;
});
