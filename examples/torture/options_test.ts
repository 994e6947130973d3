import { assertEquals, assertThrows } from "@std/assert";
import { Call } from "../lib/command_line/call.ts";
import { UsageError } from "../lib/command_line/values.ts";
import { OPTIONS, type Options, optionsOf } from "./options.ts";

const parse = (line: string): Options => optionsOf(new Call(line.split(" "), "", OPTIONS));
const parseNothing = (): Options => optionsOf(new Call([], "", OPTIONS));

Deno.test("every option is read", () => {
  const line =
    "--seconds 5 --readers 4 --flavour srcu --updater poll --seed 9 --plant no-wait --debug --json";
  assertEquals(parse(line), {
    ...{ seconds: 5, readers: 4, flavour: "srcu", updater: "poll", seed: 9 },
    ...{ plant: "no-wait", debug: true },
  });
});

Deno.test("without options the run is mixed, and its seed random", () => {
  const [one, other] = [parseNothing(), parseNothing()];
  assertEquals([one.seconds, one.readers, one.flavour, one.updater], [10, 3, "mixed", "mixed"]);
  assertEquals([one.plant, one.debug], [undefined, false]);
  assertEquals(one.seed === other.seed, false);
});

const WRONG: [string, string][] = [
  ["--bogus", 'Cannot run with "--bogus": there is no such option'],
  ["extra", 'Cannot run with "extra": there is no such option'],
  ["--seconds 0", 'Cannot run with --seconds "0": it must be an integer from 1 to 1000000'],
  ["--seconds 1.5", 'Cannot run with --seconds "1.5"'],
  ["--readers 33", 'Cannot run with --readers "33": it must be an integer from 1 to 32'],
  ["--readers", 'Cannot run with --readers ""'],
  ["--seed -1", "Cannot run with"],
  ["--flavour mb", 'Cannot run with --flavour "mb": it must be one of memb, qsbr, srcu, mixed'],
  ["--updater rcu", 'Cannot run with --updater "rcu"'],
  ["--plant bug", 'Cannot run with --plant "bug"'],
  ["--readers 2", "Cannot mix three flavours with --readers 2: it needs at least 3"],
];

for (const [line, message] of WRONG) {
  Deno.test(`"${line}" is refused`, () => {
    assertThrows(() => parse(line), UsageError, message);
  });
}
