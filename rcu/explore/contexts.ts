/**
 * Explorations of the context table and of the list of members: no record has two contexts, a late
 * step changes nothing, and no member's block is freed under a context that looks at it.
 *
 * @module
 */

import {
  again,
  check,
  dead,
  free,
  nameWords,
  type Program,
  run,
  type Steps,
} from "#tools/explorer/mod.ts";
import { CHUNK, CONTEXT, CONTEXT_STATE, REGISTRY, TOKEN_BITS } from "../kernel/layouts.ts";
import { equal, holds } from "./expect.ts";
import { k, kernel } from "./setting.ts";

const { GONE, ALIVE, EXPELLED, DEAD } = CONTEXT_STATE;
/** The table, of two records, lies across 2^31. */
const T = 2 ** 31 - CONTEXT.size;
const RECORDS = [T, T + CONTEXT.size] as const;
const COUNT = RECORDS.length;
/** The cell with the next token, a word for the programs, and the list of members. */
const TOKENS = T + COUNT * CONTEXT.size;
const FLAG = TOKENS + 4;
const LIST = TOKENS + 8;
const ENTRIES = [0, 1].map((index) => CHUNK.entries.at(REGISTRY.chunk.at(LIST), index));
const CHUNK_2 = LIST + REGISTRY.size;
/** A member's block: one word that says whether it is in use. */
const MEMBER = CHUNK_2 + CHUNK.size;
const BYTES = MEMBER + 8 - T;

const who = (token: number, state: number) => token + state * 2 ** TOKEN_BITS;

function setting(): Omit<Program, "threads"> {
  return {
    kernel,
    bytes: BYTES,
    origin: T,
    blocks: { member: { at: MEMBER, bytes: 8 } },
    setUp: ({ u32 }) => {
      u32[(TOKENS - T) / 4] = 1;
    },
    nameOf: nameWords([
      ...RECORDS.map((at, index) => [`CONTEXT[${index}]`, CONTEXT, at] as const),
      ["next token", 4, TOKENS],
      ["flag", 4, FLAG],
      ["REGISTRY", REGISTRY, LIST],
      ["CHUNK", CHUNK, CHUNK_2],
      ["member", 8, MEMBER],
    ]),
  };
}

// ---- contexts -------------------------------------------------------------------------------------

/** Joins, checks that the record is its own, and leaves. */
function* joinAndLeave(times: number): Steps {
  const record = (yield* k.joinContext(T, COUNT, TOKENS)) >>> 0;
  // The other may have moved from record to record ahead of the search.
  if (record === 0) return again(joinAndLeave, times);
  const token = (yield* k.load32(record)) - who(0, ALIVE);
  yield* k.store32(CONTEXT.labelled.at(record), token);
  yield* run(holds, CONTEXT.labelled.at(record), token, "a record that two contexts have");
  equal(yield* k.moveContext(record, token, ALIVE, GONE), 1, "leaving");
  if (times > 1) return again(joinAndLeave, times - 1);
}

/** Two contexts that join and leave the two records over and over. */
export function joining(): Program {
  return {
    ...setting(),
    threads: [1, 2].map((index) => ({ name: `context ${index}`, script: joinAndLeave, args: [2] })),
    atEnd: (memory) => {
      const tokens = RECORDS.map((record) => memory.load32(record));
      check(tokens[0] !== tokens[1] || tokens[0] === 0, "a token was issued twice");
    },
  };
}

function* joinOnce(): Steps {
  const record = yield* k.joinContext(T, 1, TOKENS);
  if (record !== 0) yield* k.add32(FLAG, 1);
}

/** Two contexts that want the only record: one gets it and stays, the other is told that none is free. */
export function lastRecord(): Program {
  return {
    ...setting(),
    threads: [1, 2].map((index) => ({ name: `context ${index}`, script: joinOnce })),
    atEnd: (memory) => check(memory.load32(FLAG) === 1, "one context has the record"),
  };
}

/** What others look at in the record of a context. */
function* looksAtRecord(): Steps {
  yield* k.isPinned(T, 1);
  yield* k.load32(CONTEXT.queued.at(T));
}

/** A context joins in a record with what its last context left, while another looks at it. */
export function joiningWatched(): Program {
  const { setUp, ...rest } = setting();
  return {
    ...rest,
    setUp: (memory) => {
      setUp!(memory);
      CONTEXT.pins.set(memory.u32, 0, 1);
      CONTEXT.queued.set(memory.u32, 0, 1);
    },
    threads: [{ name: "joiner", script: joinOnce }, { name: "watcher", script: looksAtRecord }],
  };
}

/** Expels the context of token 1; then declares it dead once its death is reported; then buries it. */
function* evict(): Steps {
  yield* k.moveContext(T, 1, ALIVE, EXPELLED);
  yield* run(untilDead);
  yield* k.moveContext(T, 1, ALIVE, DEAD);
  yield* k.moveContext(T, 1, EXPELLED, DEAD);
  yield* k.moveContext(T, 1, DEAD, GONE);
}

function* untilDead(): Steps {
  if ((yield* dead("mortal")) || (yield* k.load32(FLAG)) === 1) return;
  return again(untilDead);
}

/** Is attached until told to stop, and says when it has stopped. */
function* attached(): Steps {
  if ((yield* k.load32(T)) === who(1, ALIVE)) return again(attached);
  yield* k.store32(FLAG, 1);
}

/** Joins in the record of the first context once that is gone. */
function* joinLater(): Steps {
  const record = (yield* k.joinContext(T, 1, TOKENS)) >>> 0;
  if (record === 0) return again(joinLater);
  yield* run(holds, record, who(2, ALIVE), "the record of a context that has joined");
  yield* run(holds, record, who(2, ALIVE), "the record of a context, after late steps");
}

/** A context that may die, two supervisors that evict it, of which one may die, and one that joins. */
export function evicting(): Program {
  const { setUp, ...rest } = setting();
  return {
    ...rest,
    setUp: (memory) => {
      setUp!(memory);
      memory.u32[0] = who(1, ALIVE);
      memory.u32[(TOKENS - T) / 4] = 2;
    },
    threads: [
      { name: "mortal", script: attached, dies: true },
      { name: "supervisor 1", script: evict, dies: true },
      { name: "supervisor 2", script: evict },
      { name: "joiner", script: joinLater },
    ],
  };
}

// ---- members --------------------------------------------------------------------------------------

/** A member is in the list, and two contexts are attached. */
function membered(threads: Program["threads"]): Program {
  const { setUp, ...rest } = setting();
  return {
    ...rest,
    setUp: (memory) => {
      setUp!(memory);
      RECORDS.forEach((at, index) => CONTEXT.who.set(memory.u32, at - T, who(index + 1, ALIVE)));
      REGISTRY.serial.set(memory.u32, LIST - T, 1);
      memory.u32[(ENTRIES[0]! - T) / 4] = MEMBER;
    },
    threads,
  };
}

/** Looks at the member, if there is one, with the members pinned. */
function* look(record: number): Steps {
  yield* k.add32(CONTEXT.pins.at(record), 1);
  const offset = yield* k.pairLoad(ENTRIES[0]!);
  const above = yield* k.pairSecond();
  if (offset >>> 0 === MEMBER && above % 2 === 0) {
    yield* k.load32(MEMBER);
    yield* k.store32(MEMBER, 1);
  }
  yield* k.add32(CONTEXT.pins.at(record), -1);
  yield* run(sweep);
}

/** Frees the block of the member if it is retired, and nobody has pinned the members. */
function* sweep(): Steps {
  if ((yield* k.load32(REGISTRY.retired.at(LIST))) === 0) return;
  yield* k.store32(REGISTRY.retired.at(LIST), 0);
  const offset = (yield* k.pairLoad(ENTRIES[0]!)) >>> 0;
  const above = (yield* k.pairSecond()) >>> 0;
  if (offset === 0 || above % 2 === 0) return;
  if ((yield* k.isPinned(T, COUNT)) !== 0) {
    yield* k.store32(REGISTRY.retired.at(LIST), 1);
    return;
  }
  if ((yield* k.dropMember(ENTRIES[0]!, offset, above)) === 1) yield* free("member");
}

function* remove(): Steps {
  yield* k.add32(FLAG, yield* k.retireMember(LIST, ENTRIES[0]!, MEMBER));
  yield* run(sweep);
}

/** Two contexts that remove one member, and one that looks at it: it is freed once, and not too early. */
export function removing(): Program {
  return {
    ...membered([
      { name: "looker", script: look, args: [RECORDS[0]] },
      { name: "remover 1", script: remove },
      { name: "remover 2", script: remove },
    ]),
    atEnd: ({ load32 }) => {
      check(load32(FLAG) === 1, "one of two contexts retires a member");
      const isKnown = load32(ENTRIES[0]!) === 0 || load32(REGISTRY.retired.at(LIST)) !== 0;
      check(isKnown, "nobody will free a member that is retired");
    },
  };
}

/** Declares the first context dead once its death is reported, and frees what it has held up. */
function* superviseLooker(): Steps {
  if (!(yield* dead("looker"))) return;
  yield* k.moveContext(RECORDS[0], 1, ALIVE, DEAD);
  yield* run(sweep);
}

/** A context that may die while it looks at the member, one that removes it, and a supervisor. */
export function lookerDies(): Program {
  return membered([
    { name: "looker", script: look, args: [RECORDS[0]], dies: true },
    { name: "remover", script: remove },
    { name: "supervisor", script: superviseLooker },
  ]);
}

/** A context that frees the block without asking whether somebody looks. */
function* removeCarelessly(): Steps {
  if ((yield* k.retireMember(LIST, ENTRIES[0]!, MEMBER)) === 1) yield* free("member");
}

/** The same with a context that does not ask whether somebody has pinned the members. */
export function careless(): Program {
  return membered([
    { name: "looker", script: look, args: [RECORDS[0]] },
    { name: "remover", script: removeCarelessly },
  ]);
}

function* add(offset: number): Steps {
  const entry = (yield* k.addMember(LIST, offset)) >>> 0;
  equal((yield* k.pairLoad(entry)) >>> 0, offset, "the entry of a member");
}

/** Two contexts that add a member each: each gets an entry of its own. */
export function adding(): Program {
  return {
    ...setting(),
    threads: [8, 16].map((offset) => ({ name: `context ${offset}`, script: add, args: [offset] })),
  };
}

function* addChunk(): Steps {
  yield* k.store32(CHUNK.next.at(REGISTRY.chunk.at(LIST)), CHUNK_2);
}

function* addToNext(): Steps {
  const entry = (yield* k.addMember(LIST, 8)) >>> 0;
  check(entry === 0 || entry === CHUNK.entries.at(CHUNK_2, 0), "a member in a full chunk");
}

/** A context adds a member to a full chunk while another adds a chunk. */
export function growing(): Program {
  const { setUp, ...rest } = setting();
  return {
    ...rest,
    setUp: (memory) => {
      setUp!(memory);
      const chunk = REGISTRY.chunk.at(LIST);
      const [first, end] = [CHUNK.entries.at(chunk, 0), chunk + CHUNK.size];
      memory.u32.fill(1, (first - T) / 4, (end - T) / 4);
    },
    threads: [{ name: "context 1", script: addChunk }, { name: "context 2", script: addToNext }],
  };
}

// ---- one thread -----------------------------------------------------------------------------------

function* life(): Steps {
  const [first, second] = RECORDS;
  yield* k.store32(CONTEXT.queued.at(first), 9);
  yield* k.store32(CONTEXT.pins.at(first), 9);
  equal((yield* k.joinContext(T, COUNT, TOKENS)) >>> 0, first, "the first record");
  yield* run(holds, first, who(1, ALIVE), "who has joined first");
  yield* run(holds, CONTEXT.queued.at(first), 0, "queued");
  yield* run(holds, CONTEXT.pins.at(first), 0, "pins");
  equal((yield* k.joinContext(T, COUNT, TOKENS)) >>> 0, second, "the second record");
  equal(yield* k.joinContext(T, COUNT, TOKENS), 0, "a join without a free record");
  yield* run(holds, TOKENS, 3, "the next token");
  equal(yield* k.moveContext(first, 2, ALIVE, GONE), 0, "a step of another context");
  equal(yield* k.moveContext(first, 1, EXPELLED, GONE), 0, "a step from another state");
  equal(yield* k.moveContext(second, 2, ALIVE, EXPELLED), 1, "an expulsion");
  equal(yield* k.joinContext(T, COUNT, TOKENS), 0, "a join beside an expelled context");
  equal(yield* k.moveContext(second, 2, EXPELLED, DEAD), 1, "a death");
  equal(yield* k.joinContext(T, COUNT, TOKENS), 0, "a join beside a dead context");
  equal(yield* k.moveContext(second, 2, DEAD, GONE), 1, "a burial");
  equal(yield* k.moveContext(first, 1, ALIVE, GONE), 1, "a departure");
  equal((yield* k.joinContext(T, COUNT, TOKENS)) >>> 0, first, "the record unused for longest");
  yield* run(holds, first, who(3, ALIVE), "who has joined third");
  const last = 2 ** TOKEN_BITS - 2;
  yield* k.store32(first, who(last - 1, GONE));
  yield* k.store32(TOKENS, last);
  equal((yield* k.joinContext(T, 1, TOKENS)) >>> 0, first, "a join with the last token");
  yield* run(holds, first, who(last, ALIVE), "who has joined last");
  equal(yield* k.joinContext(T, COUNT, TOKENS), 0, "a join without a token");
  yield* run(pins);
}

function* pins(): Steps {
  const [first, second] = RECORDS;
  equal(yield* k.isPinned(T, COUNT), 0, "isPinned of no pins");
  for (const record of [first, second]) {
    for (const [state, pinned] of [[ALIVE, 1], [EXPELLED, 1], [DEAD, 0], [GONE, 0]] as const) {
      yield* k.store32(CONTEXT.pins.at(record), 1);
      yield* k.store32(record, who(7, state));
      equal(yield* k.isPinned(T, COUNT), pinned, "isPinned");
    }
    yield* k.store32(CONTEXT.pins.at(record), 0);
  }
  yield* k.store32(second, who(7, ALIVE));
  yield* k.store32(CONTEXT.pins.at(second), 1);
  equal(yield* k.isPinned(T, 1), 0, "isPinned of a table that ends before the pin");
}

/** What the functions of the context table do, with one thread. */
export function contextLife(): Program {
  return { ...setting(), threads: [{ name: "caller", script: life }] };
}

function* members(): Steps {
  yield* k.store32(REGISTRY.serial.at(LIST), 5);
  const [first, second] = ENTRIES;
  equal((yield* k.addMember(LIST, 0x8000_0010)) >>> 0, first!, "the first entry");
  yield* run(holds, first!, 0x8000_0010, "the offset in an entry");
  yield* run(holds, first! + 4, 10, "the number in an entry");
  equal((yield* k.addMember(LIST, 32)) >>> 0, second!, "the second entry");
  yield* run(holds, second! + 4, 12, "the number in the second entry");
  equal(yield* k.retireMember(LIST, first!, 32), 0, "retireMember of another's entry");
  equal(yield* k.dropMember(first!, 0x8000_0010, 11), 0, "dropMember of what is not retired");
  yield* run(holds, REGISTRY.retired.at(LIST), 0, "retired");
  equal(yield* k.retireMember(LIST, first!, 0x8000_0010), 1, "retireMember");
  yield* run(holds, first! + 4, 11, "the number in a retired entry");
  yield* run(holds, REGISTRY.retired.at(LIST), 1, "retired after that");
  equal(yield* k.retireMember(LIST, first!, 0x8000_0010), 0, "retireMember once more");
  equal(yield* k.retireMember(LIST, first!, 32), 0, "retireMember of another's retired entry");
  equal(yield* k.dropMember(first!, 0x8000_0010, 13), 0, "dropMember of another registration");
  equal(yield* k.dropMember(first!, 0x8000_0010, 11), 1, "dropMember");
  yield* run(holds, first!, 0, "a free entry");
  equal((yield* k.addMember(LIST, 48)) >>> 0, first!, "the first entry again");
  for (let entry = 2; entry < CHUNK.entries.length; entry++) yield* k.addMember(LIST, 64);
  equal(yield* k.addMember(LIST, 80), 0, "addMember to a full list");
  yield* k.store32(CHUNK.next.at(REGISTRY.chunk.at(LIST)), CHUNK_2);
  equal((yield* k.addMember(LIST, 80)) >>> 0, CHUNK.entries.at(CHUNK_2, 0), "the second chunk");
}

/** What the functions of the list of members do, with one thread. */
export function memberLife(): Program {
  return { ...setting(), threads: [{ name: "caller", script: members }] };
}

/** A list whose first chunk lies on both sides of 2^31. */
const LIST_ACROSS = 2 ** 31 - 128;

function* fillsList(): Steps {
  const entries = CHUNK.entries.length;
  for (let entry = 0; entry < entries; entry++) {
    const at = CHUNK.entries.at(REGISTRY.chunk.at(LIST_ACROSS), entry);
    equal((yield* k.addMember(LIST_ACROSS, 8)) >>> 0, at, `entry ${entry}`);
  }
  equal(yield* k.addMember(LIST_ACROSS, 8), 0, "addMember to a full list");
}

/** Every entry of a chunk is used, wherever it lies. */
export function chunkAcross(): Program {
  return {
    kernel,
    bytes: REGISTRY.size,
    origin: LIST_ACROSS,
    threads: [{ name: "caller", script: fillsList }],
  };
}
