import { assertEquals } from "@std/assert";
import { isAccess, mutants, type Row } from "./mod.ts";

const body: Row[] = [
  { access: "load", width: 32, word: "x", into: "v" },
  { jump: "end", when: "v" },
  { access: "add", width: 32, word: "y", value: 2 },
  { label: "end" },
  { access: "notify", width: 32, word: "y" },
];

Deno.test("mutants: each step dropped, each two neighbours swapped, each atomic access plain", () => {
  assertEquals(mutants(body).map(({ name }) => name), [
    "drop load x",
    "drop add y",
    "drop notify y",
    "swap load x, add y",
    "swap add y, notify y",
    "plain load x",
    "plain add y",
  ]);
});

Deno.test("mutants: flow stays where it is when accesses change places", () => {
  const { body: swapped } = mutants(body).find(({ name }) => name === "swap load x, add y")!;
  const [load, jump, add, ...rest] = body;
  const expected: (Row | undefined)[] = [add, jump, load, ...rest];
  assertEquals<(Row | undefined)[]>([...swapped], expected);
});

Deno.test("mutants: a plain read-modify-write is a load and a store", () => {
  const { body: plain } = mutants(body).find(({ name }) => name === "plain add y")!;
  const kinds = plain.filter(isAccess).map(({ access, plain }) =>
    `${plain ? "plain " : ""}${access}`
  );
  assertEquals(kinds, ["load", "plain load", "plain store", "notify"]);
});

Deno.test("mutants: equal names are numbered", () => {
  const twice: Row[] = [1, 2].map((value) => ({ access: "store", width: 32, word: "x", value }));
  assertEquals(mutants(twice).map(({ name }) => name), [
    "drop store x",
    "drop store x (2)",
    "swap store x, store x",
    "plain store x",
    "plain store x (2)",
  ]);
});
