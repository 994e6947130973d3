/**
 * Explorations of the mutex: one holder at a time, no wake-up is lost, and a death holds up nobody once
 * it is noticed.
 *
 * Who waits here sleeps without a time, as `Mutex` does in the same order of steps.
 *
 * @module
 */

import {
  again,
  check,
  dead,
  nameWords,
  type Program,
  run,
  type Steps,
} from "#tools/explorer/mod.ts";
import { CONTEXT, CONTEXT_STATE, LOCK, LOCKED, MUTEX, TOKEN_BITS } from "../kernel/layouts.ts";
import { equal, holds } from "./expect.ts";
import { k, kernel } from "./setting.ts";

/** Where things lie: above 2^31, so that an address has the bit that marks a contended lock. */
const M = 2 ** 31;
const WORD = MUTEX.lock.at(M);
/** What the lock guards: one adds to it with a load and a store, which is a race unless excluded. */
const GUARDED = M + MUTEX.size;
/** Set once a thread is through. */
const DONE = GUARDED + 4;
const RECORDS = Math.ceil((DONE + 8) / CONTEXT.size) * CONTEXT.size;
/** Tokens of the contexts, and their records. */
const TOKENS = [5, 6, 7] as const;
const recordOf = (token: number) => RECORDS + (token - TOKENS[0]) * CONTEXT.size;
const ALIVE = CONTEXT_STATE.ALIVE * 2 ** TOKEN_BITS;

function setting(): Omit<Program, "threads"> {
  return {
    kernel,
    bytes: RECORDS + TOKENS.length * CONTEXT.size - M,
    origin: M,
    setUp: ({ u32 }) => {
      for (const token of TOKENS) CONTEXT.who.set(u32, recordOf(token) - M, ALIVE + token);
    },
    nameOf: nameWords([
      ["MUTEX", MUTEX, M],
      ["guarded", 4, GUARDED],
      ["done", 4, DONE],
      ...TOKENS.map((token) => [`CONTEXT ${token}`, CONTEXT, recordOf(token)] as const),
    ]),
  };
}

/** Takes the lock, sleeping while it is held. @returns Whether a holder died; -1 if told to stop. */
function* lock(token: number): Steps<number> {
  const locked = yield* k.mutexLock(M, token, recordOf(token));
  if (locked === LOCKED.DETACHED) return -1;
  if (locked !== LOCKED.BUSY) return locked;
  yield* run(sleep, token);
  return again(lock, token);
}

/** Sleeps until the lock may be free, in the order of `Mutex`. */
function* sleep(token: number): Steps {
  const seen = yield* k.load32(MUTEX.event.at(M));
  if ((yield* k.mutexArm(M)) === 0) return;
  const who = yield* k.load32(CONTEXT.who.at(recordOf(token)));
  if (who !== ALIVE + token) return;
  yield* k.wait32(MUTEX.event.at(M), seen, -1);
}

function* change(): Steps {
  const seen = yield* k.load32(GUARDED);
  yield* k.store32(GUARDED, seen + 1);
}

function* lockAndChange(token: number, times: number): Steps {
  const outcome = yield* run(lock, token);
  check(outcome === LOCKED.ACQUIRED, "a holder is said to have died");
  yield* run(change);
  equal(yield* k.mutexUnlock(M, token), 1, "mutexUnlock by the holder");
  if (times > 1) return again(lockAndChange, token, times - 1);
}

/** Contexts that count under the lock, as often as said. */
export function counting(times: readonly number[]): Program {
  return {
    ...setting(),
    threads: times.map((count, index) => ({
      name: `context ${TOKENS[index]}`,
      script: lockAndChange,
      args: [TOKENS[index]!, count],
    })),
    atEnd: (memory) => {
      const sum = times.reduce((a, b) => a + b);
      check(memory.load32(GUARDED) === sum, "a change is lost: there were two holders");
      check(memory.load32(WORD) === 0, "the lock is not free in the end");
    },
  };
}

function* lockAndSay(token: number): Steps {
  yield* run(lock, token);
  yield* run(change);
  yield* k.mutexUnlock(M, token);
  yield* k.add32(DONE, 1);
}

/** Passes on what a context holds once its death is reported; goes when all others are through. */
function* supervise(token: number, others: number): Steps {
  if (yield* dead(`context ${token}`)) {
    yield* k.moveContext(recordOf(token), token, CONTEXT_STATE.ALIVE, CONTEXT_STATE.DEAD);
    yield* k.mutexPassOn(M, token);
    return;
  }
  if ((yield* k.load32(DONE)) < others + 1) return again(supervise, token, others);
}

/**
 * A context that may die at any step of its lock, its change and its release, others that want the lock,
 * and its supervisor: the others get it, one after the other.
 */
export function holderDies(others: 1 | 2): Program {
  const [mortal, ...rest] = TOKENS;
  const contexts = rest.slice(0, others);
  return {
    ...setting(),
    threads: [
      { name: `context ${mortal}`, script: lockAndSay, args: [mortal], dies: true },
      ...contexts.map((token) => ({ name: `context ${token}`, script: lockAndSay, args: [token] })),
      { name: "supervisor", script: supervise, args: [mortal, others] },
    ],
    atEnd: (memory) => {
      const word = memory.load32(WORD);
      check(word === 0 || word === LOCK.INCONSISTENT, "the lock is held in the end");
      check(memory.load32(DONE) >= others, "a living context has not had the lock");
    },
  };
}

/** Two supervisors that notice one death: the one that comes late takes the lock from nobody. */
export function twoSupervisors(): Program {
  const [mortal, other] = TOKENS;
  return {
    ...setting(),
    setUp: (memory) => {
      setting().setUp!(memory);
      MUTEX.lock.set(memory.u32, 0, mortal);
      CONTEXT.who.set(
        memory.u32,
        recordOf(mortal) - M,
        mortal + CONTEXT_STATE.DEAD * 2 ** TOKEN_BITS,
      );
    },
    threads: [
      { name: "supervisor 1", script: passOn, args: [mortal], dies: true },
      { name: "supervisor 2", script: passOn, args: [mortal] },
      { name: `context ${other}`, script: takeOver, args: [other] },
    ],
  };
}

function* passOn(token: number): Steps {
  yield* k.mutexPassOn(M, token);
}

function* takeOver(token: number): Steps {
  equal(yield* run(lock, token), LOCKED.OWNER_DIED, "mutexLock after a holder's death");
  equal(yield* k.mutexConsistent(M, token), 1, "mutexConsistent by the holder");
  equal(yield* k.mutexUnlock(M, token), 1, "mutexUnlock by the holder");
  equal(yield* run(lock, token), LOCKED.ACQUIRED, "mutexLock once it is consistent");
}

/** Declares what it holds consistent, and releases it. */
function* mends(token: number): Steps {
  equal(yield* k.mutexConsistent(M, token), 1, "mutexConsistent by the holder");
  equal(yield* k.mutexUnlock(M, token), 1, "mutexUnlock by the holder");
}

function* lockConsistent(token: number): Steps {
  equal(yield* run(lock, token), LOCKED.ACQUIRED, "mutexLock of what was declared consistent");
}

/** A context waits for an inconsistent lock, while the holder declares it consistent. */
export function mending(): Program {
  const [holder, waiter] = TOKENS;
  return {
    ...setting(),
    setUp: (memory) => {
      setting().setUp!(memory);
      MUTEX.lock.set(memory.u32, 0, holder + LOCK.INCONSISTENT);
    },
    threads: [
      { name: `context ${holder}`, script: mends, args: [holder] },
      { name: `context ${waiter}`, script: lockConsistent, args: [waiter] },
    ],
  };
}

function* expel(token: number): Steps {
  yield* k.moveContext(recordOf(token), token, CONTEXT_STATE.ALIVE, CONTEXT_STATE.EXPELLED);
  yield* k.add32(MUTEX.event.at(M), 1);
  yield* k.notify(MUTEX.event.at(M), -1);
}

function* untilExpelled(token: number): Steps {
  equal(yield* run(lock, token), -1, "the wait of an expelled context");
}

/** A context that waits for a lock that nobody releases: it notices its expulsion. */
export function expelledWaiter(): Program {
  const [holder, waiter] = TOKENS;
  return {
    ...setting(),
    setUp: (memory) => {
      setting().setUp!(memory);
      MUTEX.lock.set(memory.u32, 0, holder);
    },
    threads: [
      { name: `context ${waiter}`, script: untilExpelled, args: [waiter] },
      { name: "supervisor", script: expel, args: [waiter] },
    ],
  };
}

/** A waiter that sleeps without a look at EVENT before its mark: it may sleep for ever. */
export function mistakenWaiter(): Program {
  return {
    ...setting(),
    threads: [
      { name: `context ${TOKENS[0]}`, script: lockAndChange, args: [TOKENS[0], 1] },
      { name: `context ${TOKENS[1]}`, script: lockCarelessly, args: [TOKENS[1]] },
    ],
  };
}

function* lockCarelessly(token: number): Steps {
  if ((yield* k.mutexLock(M, token, recordOf(token))) === LOCKED.ACQUIRED) return;
  if ((yield* k.mutexArm(M)) === 0) return again(lockCarelessly, token);
  const seen = yield* k.load32(MUTEX.event.at(M));
  yield* k.wait32(MUTEX.event.at(M), seen, -1);
  return again(lockCarelessly, token);
}

// ---- one thread -----------------------------------------------------------------------------------

function* life(): Steps {
  const [own, other] = TOKENS;
  const event = MUTEX.event.at(M);
  equal(yield* k.mutexLock(M, own, recordOf(own)), LOCKED.ACQUIRED, "mutexLock of a free lock");
  yield* run(holds, WORD, own, "the word of a held lock");
  equal(yield* k.mutexLock(M, own, recordOf(own)), LOCKED.OWN, "mutexLock by the holder");
  equal(yield* k.mutexLock(M, other, recordOf(other)), LOCKED.BUSY, "mutexLock of a held lock");
  equal(yield* k.mutexUnlock(M, other), 0, "mutexUnlock by another");
  equal(yield* k.mutexConsistent(M, other), 0, "mutexConsistent by another");
  equal(yield* k.mutexArm(M), own, "mutexArm of a held lock");
  equal(yield* k.mutexArm(M), own, "mutexArm once more");
  const again = yield* k.mutexLock(M, own, recordOf(own));
  equal(again, LOCKED.OWN, "mutexLock by the holder of a contended lock");
  yield* run(holds, WORD, own + LOCK.CONTENDED, "the word of a contended lock");
  yield* run(holds, event, 0, "event before the release");
  equal(yield* k.mutexUnlock(M, own), 1, "mutexUnlock of a contended lock");
  yield* run(holds, WORD, 0, "the word of a free lock");
  yield* run(holds, event, 1, "event after the release of a contended lock");
  equal(yield* k.mutexArm(M), 0, "mutexArm of a free lock");
  yield* run(holds, WORD, 0, "the word after mutexArm of a free lock");
  equal(yield* k.mutexLock(M, own, recordOf(own)), LOCKED.ACQUIRED, "mutexLock");
  equal(yield* k.mutexUnlock(M, own), 1, "mutexUnlock");
  yield* run(holds, event, 1, "event after the release of a lock that nobody waits for");
  equal(yield* k.mutexUnlock(M, own), 0, "mutexUnlock of a free lock");
  yield* run(unlocksTheWord);
  yield* run(death);
  yield* run(deathOfTwo);
}

/** The words beside the lock hold what it might hold. */
function* unlocksTheWord(): Steps {
  const own = TOKENS[0];
  for (const beside of [WORD - 4, WORD + 4]) yield* k.store32(beside, own);
  yield* k.mutexLock(M, own, recordOf(own));
  equal(yield* k.mutexUnlock(M, own), 1, "mutexUnlock");
  yield* run(holds, WORD, 0, "the word of a free lock");
  for (const beside of [WORD - 4, WORD + 4]) yield* run(holds, beside, own, "a word beside it");
  yield* k.store32(MUTEX.event.at(M), 1);
}

/** A lock that is inconsistent already, whose holder dies too; then it is declared consistent. */
function* deathOfTwo(): Steps {
  const [_, other, third] = TOKENS;
  const event = MUTEX.event.at(M);
  yield* k.store32(WORD, LOCK.INCONSISTENT);
  equal(yield* k.mutexArm(M), 0, "mutexArm of a free lock");
  yield* run(holds, WORD, LOCK.INCONSISTENT, "the word after mutexArm of a free lock");
  equal(yield* k.mutexLock(M, other, recordOf(other)), LOCKED.OWNER_DIED, "mutexLock");
  equal(yield* k.mutexPassOn(M, other), 1, "mutexPassOn of an inconsistent lock");
  yield* run(holds, WORD, LOCK.INCONSISTENT, "the word after two deaths");
  yield* k.mutexLock(M, third, recordOf(third));
  equal(yield* k.mutexArm(M), third, "mutexArm of an inconsistent lock");
  yield* k.store32(event, 0);
  yield* k.store32(WORD, third + LOCK.INCONSISTENT);
  equal(yield* k.mutexUnlock(M, third), 1, "mutexUnlock of an inconsistent lock");
  yield* run(holds, event, 0, "event after the release of a lock that nobody waits for");
  yield* k.mutexLock(M, third, recordOf(third));
  equal(yield* k.mutexConsistent(M, third), 1, "mutexConsistent");
  yield* run(holds, WORD, third, "the word after mutexConsistent");
  yield* k.mutexUnlock(M, third);
  yield* run(holds, event + 4, 0, "the word behind the mutex");
}

function* death(): Steps {
  const [own, other] = TOKENS;
  const event = MUTEX.event.at(M);
  yield* k.mutexLock(M, own, recordOf(own));
  equal(yield* k.mutexPassOn(M, other), 0, "mutexPassOn of another's lock");
  yield* run(holds, event, 2, "event after mutexPassOn of another's lock");
  yield* k.mutexArm(M);
  equal(yield* k.mutexPassOn(M, own), 1, "mutexPassOn");
  yield* run(holds, WORD, LOCK.INCONSISTENT, "the word after a death");
  equal(yield* k.mutexLock(M, other, recordOf(other)), LOCKED.OWNER_DIED, "mutexLock after it");
  yield* k.mutexArm(M);
  equal(yield* k.mutexUnlock(M, other), 1, "mutexUnlock of what is inconsistent");
  yield* run(holds, WORD, LOCK.INCONSISTENT, "the word after that");
  equal(yield* k.mutexLock(M, other, recordOf(other)), LOCKED.OWNER_DIED, "mutexLock once more");
  yield* k.mutexArm(M);
  equal(yield* k.mutexConsistent(M, other), 1, "mutexConsistent");
  yield* run(holds, WORD, other + LOCK.CONTENDED, "the word after mutexConsistent");
  yield* k.mutexUnlock(M, other);
  for (const state of [CONTEXT_STATE.EXPELLED, CONTEXT_STATE.DEAD, CONTEXT_STATE.GONE]) {
    yield* k.store32(CONTEXT.who.at(recordOf(own)), own + state * 2 ** TOKEN_BITS);
    equal(
      yield* k.mutexLock(M, own, recordOf(own)),
      LOCKED.DETACHED,
      "mutexLock when told to stop",
    );
  }
  yield* run(holds, WORD, 0, "the word in the end");
}

/** What each function does, with one thread. */
export function mutexLife(): Program {
  return { ...setting(), threads: [{ name: "caller", script: life }] };
}
