import { assertEquals } from "@std/assert";
import { MemTxResult } from "@guestmem/flatview";
import { answerOf, fillWords, wordOf } from "./answers.ts";
import { Judge } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import { PLACES } from "./places.ts";

const { OK, DECODE_ERROR } = MemTxResult;
const PLACE = 0;
const [HERE, THERE] = PLACES[PLACE]!.homes as [number, number];
const KEY = 7;

/** A place that lies here in version 1, and may be nowhere in version 2. */
function overtaken(): { ledger: Ledger; judge: Judge } {
  const ledger = Ledger.create(PLACES.length);
  ledger.announce(PLACE, HERE, KEY);
  ledger.settle(PLACE);
  const judge = new Judge(Ledger.attach(ledger.buffer));
  judge.begin();
  ledger.announce(PLACE, null, 0);
  return { ledger, judge };
}

Deno.test("an answer says in each size where it comes from", () => {
  const word = wordOf(KEY, 8);
  assertEquals(answerOf(KEY, 8, 4), word);
  assertEquals(answerOf(KEY, 10, 2), word >>> 16);
  assertEquals([8, 9, 10, 11].map((at) => answerOf(KEY, at, 1)), [
    word & 0xff,
    word >>> 8 & 0xff,
    word >>> 16 & 0xff,
    word >>> 24,
  ]);
  const words = new Int32Array(2);
  fillWords(words, KEY, 4);
  assertEquals([...words].map((filled) => filled >>> 0), [wordOf(KEY, 4), word]);
});

Deno.test("both the settled version and the one that is coming are right", () => {
  const { judge } = overtaken();
  judge.loaded(PLACE, HERE + 4, 4, wordOf(KEY, 4), OK);
  judge.loaded(PLACE, HERE + 4, 4, 0, DECODE_ERROR);
  judge.stored(PLACE, HERE + 4, OK);
  judge.stored(PLACE, HERE + 4, DECODE_ERROR);
  assertEquals([judge.findings.list(), judge.settled, judge.overtaken], [[], 2, 2]);
  assertEquals(judge.holes, 1);
  assertEquals(judge.lay(PLACE, HERE), true);
});

Deno.test("nothing else is right", () => {
  const { ledger, judge } = overtaken();
  judge.loaded(PLACE, HERE + 4, 4, wordOf(KEY, 8), OK); // another offset
  judge.loaded(PLACE, HERE + 4, 4, 0, OK); // freed memory
  judge.loaded(PLACE, THERE, 4, wordOf(KEY, 0), OK); // a place where it never was
  judge.stored(PLACE, THERE, OK);
  judge.fixed("RAM", 1, 2, OK);
  judge.fixed("RAM", 1, 1, DECODE_ERROR);
  assertEquals(judge.lay(PLACE, THERE), false);
  ledger.settle(PLACE);
  judge.begin();
  judge.loaded(PLACE, HERE + 4, 4, wordOf(KEY, 4), OK); // in a section that began too late for it
  assertEquals(judge.findings.count, 7);
  assertEquals([judge.settled, judge.overtaken], [0, 0]);
});

Deno.test("a section that outlives what is remembered is not passed over in silence", () => {
  const { ledger, judge } = overtaken();
  for (let i = 0; i < 5000; i++) ledger.announce(PLACE, THERE, 99);
  judge.loaded(PLACE, HERE + 4, 4, wordOf(KEY, 4), OK);
  assertEquals(judge.findings.list().map(({ kind }) => kind), [
    "a section was too long to be judged",
  ]);
});
