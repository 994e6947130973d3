/** Checks, blocks, traps and limits: each detector with a planted mistake. */

import { assertEquals, assertThrows } from "@std/assert";
import { explore } from "./explore.ts";
import { BLOCK, DATA, outcome, X, Y } from "./explore_scripts.ts";
import type { Program } from "./program.ts";
import {
  again,
  allocate,
  check,
  choose,
  dead,
  free,
  run,
  type Script,
  type Steps,
} from "./script.ts";
import { t, testKernel } from "./test_kernel.ts";

function* storeX(): Steps {
  yield* t.store(X, 1);
}

Deno.test("store buffering: sequential consistency lets one of two see the other", () => {
  const side = (own: number, other: number): Script =>
    function* () {
      yield* t.store(own, 1);
      const seen = yield* t.load(other);
      yield* t.store(own === X ? DATA : BLOCK, seen + 1);
    };
  const both = new Set<string>();
  const program: Program = {
    kernel: testKernel,
    bytes: 32,
    threads: [
      { name: "a", script: side(X, Y) },
      { name: "b", script: side(Y, X) },
    ],
  };
  const { failure } = explore(program, {
    onEnd: ({ load32 }) => both.add(`${load32(DATA) - 1} ${load32(BLOCK) - 1}`),
  });
  assertEquals(failure, undefined);
  assertEquals([...both].sort(), ["0 1", "1 0", "1 1"]);
});

Deno.test("a failed check is reported with the shortest trace that leads to it", () => {
  const { failure } = outcome([
    function* () {
      yield* t.store(Y, 7);
      const old = yield* t.add(X, 1);
      check(old === 0, "x was not 0");
    },
    storeX,
  ]);
  assertEquals(failure, {
    kind: "check",
    says: "x was not 0",
    trace: ["a: store: store y 0 -> 7", "b: store: store x 0 -> 1", "a: add: add x 1 -> 2"],
  });
});

Deno.test("a lost update is found, an atomic addition loses nothing", () => {
  const end = {
    atEnd: ({ load32 }: { load32(at: number): number }) => check(load32(X) === 2, "lost"),
  };
  function* split(): Steps {
    yield* t.store(X, (yield* t.load(X)) + 1);
  }
  function* whole(): Steps {
    yield* t.add(X, 1);
  }
  function* loop(): Steps {
    const seen = yield* t.load(X);
    if ((yield* t.cas(X, seen, seen + 1)) !== seen) return again(loop);
  }
  assertEquals(outcome([split, split], end).failure?.says, "lost");
  assertEquals(outcome([whole, whole], end).failure, undefined);
  assertEquals(outcome([loop, loop], end).failure, undefined);
});

Deno.test("an invariant is checked in every state", () => {
  const equal = {
    invariant: ({ load32 }: { load32(at: number): number }) =>
      check(load32(X) === load32(Y), "x and y differ"),
  };
  function* both(): Steps {
    yield* t.store(X, 1);
    yield* t.store(Y, 1);
  }
  assertEquals(outcome([both, both]).failure, undefined);
  const { failure } = outcome([both, both], equal);
  assertEquals([failure?.says, failure?.trace.length], ["x and y differ", 1]);
});

const blocks = { block: { at: BLOCK, bytes: 8 } };

Deno.test("a use after free is found in whatever order it happens", () => {
  function* use(): Steps {
    yield* t.load(BLOCK + 4);
  }
  function* giveBack(): Steps {
    yield* free("block");
  }
  const { failure } = outcome([use, giveBack], { blocks });
  assertEquals(failure, {
    kind: "use after free",
    says: "an access to block block, which is freed",
    trace: ["b: frees block", "a: load: load block+4 = 0"],
  });
  function* reuse(): Steps {
    yield* free("block");
    yield* allocate("block");
  }
  assertEquals(outcome([use], { blocks }).failure, undefined);
  assertEquals(outcome([use, reuse], { blocks }).failure?.kind, "use after free");
  assertEquals(outcome([reuse], { blocks }).failure, undefined);
});

Deno.test("a double free, and an allocation of what is in use, are found", () => {
  function* twice(): Steps {
    yield* free("block");
  }
  assertEquals(outcome([twice, twice], { blocks }).failure?.says, "block block is freed twice");
  function* take(): Steps {
    yield* allocate("block");
  }
  const says = "block block is allocated while it is in use";
  assertEquals(outcome([take], { blocks }).failure?.says, says);
});

Deno.test("more states than the limit are a failure, never a pass", () => {
  function* count(): Steps {
    yield* t.add(X, 1);
    return again(count);
  }
  const { failure } = outcome([count], {}, 1000);
  assertEquals(failure?.kind, "too many states");
});

Deno.test("a thread that goes round for ever hides no mistake of another", () => {
  // Each round of the first thread leads back to the same state, and nothing of the second can matter
  // to it: if only a set of threads that suffices moved, it would be the first thread, for ever.
  function* waits(): Steps {
    if ((yield* t.load(X)) === 0) return again(waits);
  }
  function* fails(): Steps {
    yield* t.store(Y, 1);
    check(false, "the second thread is wrong");
  }
  assertEquals(outcome([waits, fails]).failure?.says, "the second thread is wrong");
});

Deno.test("a trap, a wild address and an atomic that is not aligned are failures", () => {
  function* trap(): Steps {
    yield* t.trap();
  }
  function* wild(): Steps {
    yield* t.load(32);
  }
  function* crooked(): Steps {
    yield* t.load(2);
  }
  for (const script of [trap, wild, crooked]) {
    assertEquals(outcome([script]).failure?.kind, "trap");
  }
});

Deno.test("memory.fill and memory.copy are one step each", () => {
  function* fill(): Steps {
    yield* t.fill(DATA, 0x11, 8);
    yield* t.copy(BLOCK, DATA, 8);
  }
  const { states, failure } = outcome([fill], {
    atEnd: ({ load64 }) => check(load64(BLOCK) === 0x11111111 * 2 ** 32 + 0x11111111, "copied"),
  });
  assertEquals([states, failure], [3, undefined]);
});

Deno.test("a choice goes every way; what a script ran is forgotten but for its result", () => {
  const seen = new Set<number>();
  function* either(): Steps<number> {
    return (yield* choose(3)) % 2;
  }
  function* chooser(): Steps {
    yield* t.store(X, yield* run(either));
  }
  const program = { kernel: testKernel, bytes: 32, threads: [{ name: "a", script: chooser }] };
  const { states } = explore(program, { onEnd: ({ load32 }) => seen.add(load32(X)) });
  assertEquals([states, [...seen].sort()], [5, [0, 1]]);
});

Deno.test("a script that asks for what does not exist is an error, as is one without a step", () => {
  assertThrows(
    () =>
      outcome([function* () {
        yield* free("nothing");
      }]),
    RangeError,
    'no block "nothing"',
  );
  assertThrows(
    () =>
      outcome([function* () {
        yield* dead("nobody");
      }]),
    RangeError,
    'no thread "nobody"',
  );
  // deno-lint-ignore require-yield
  function* idle(): Steps {
    return again(idle);
  }
  assertThrows(() => outcome([idle]), Error, "without a step");
});

Deno.test("a memory need not begin at address 0: what lies below it does not exist", () => {
  const origin = 2 ** 31 - 8;
  function* both(): Steps {
    yield* t.store(origin + 4, 1);
    yield* t.add(origin + 8, 1);
  }
  function* below(): Steps {
    yield* t.load(origin - 4);
  }
  const atEnd = ({ load32 }: { load32(at: number): number }) => {
    check(load32(origin + 4) + load32(origin + 8) === 2, "both are stored");
  };
  assertEquals(outcome([both], { origin, atEnd }).failure, undefined);
  assertEquals(outcome([below], { origin }).failure?.kind, "trap");
});
