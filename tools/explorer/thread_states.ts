/**
 * The states of threads: where a thread is in its scripts and in the kernel's code, with the values
 * that still matter there, and the step that it makes next. Each state is entered once and has a
 * number. What follows from it is known once the value that its step reads has been seen before, so
 * the code is interpreted once for each pair of a state and a value, however often it is run.
 *
 * @module
 */

import { type Access, accessOf, ownStep, pushed } from "./access.ts";
import { Trap, type Value } from "./arithmetic.ts";
import type { Instruction } from "./decode.ts";
import type { Futures, Locates } from "./futures.ts";
import { type Frame, Interpreter } from "./interpreter.ts";
import type { Locations } from "./locations.ts";
import type { Program } from "./program.ts";
import type { Scalar } from "./script.ts";
import { type Place, Places } from "./script_place.ts";

/** The state of one thread. */
export interface ThreadState {
  /** Its number. */
  readonly id: number;
  /** Which thread it is of. */
  readonly thread: number;
  /** The step that comes next; none if the thread has ended or something is wrong. */
  readonly access?: Access;
  /** The instruction that makes it, if it is not the explorer's own. */
  readonly instruction?: Instruction;
  /** What that step reads and writes, its death included. */
  readonly touches: Locates;
  /** What is wrong with the thread. */
  readonly failure?: { readonly kind: "check" | "trap"; readonly says: string };
  /** Its point, for `Futures`. */
  readonly point: number;
  /** The kernel's function that runs, for traces. */
  readonly call: string;
}

type Globals = readonly Value[];

interface Known extends ThreadState {
  readonly place: Place;
  readonly frames: readonly Frame[];
  /** The globals of each kernel. */
  readonly globals: readonly Globals[];
  /** What follows, by the value that was read. */
  readonly lows: number[];
  readonly highs: number[];
  readonly nexts: ThreadState[];
}

/** All states of the threads of a program. */
export class ThreadStates {
  readonly #program: Program;
  readonly #locations: Locations;
  readonly #futures: Futures;
  /** Of the kernel and of its helpers. */
  readonly #interpreters: readonly Interpreter[];
  readonly #places = new Places();
  readonly #states: Known[] = [];
  readonly #byKey = new Map<string, Known>();

  /**
   * Prepares to run the threads of a program.
   *
   * @param program The program.
   * @param locations Its locations.
   * @param futures Is told of every step and way.
   * @param executed Receives the byte offset of every instruction that is run.
   */
  constructor(program: Program, locations: Locations, futures: Futures, executed: Set<number>) {
    this.#program = program;
    this.#locations = locations;
    this.#futures = futures;
    const pages = Math.ceil(((program.origin ?? 0) + program.bytes) / 65_536);
    const environment = { pages, ...(program.globals && { globals: program.globals }) };
    this.#interpreters = [
      new Interpreter(program.kernel, environment, executed),
      ...(program.helpers ?? []).map((helper) => new Interpreter(helper, environment)),
    ];
  }

  /** The state with a number. */
  get(id: number): ThreadState {
    return this.#states[id]!;
  }

  /** The first state of a thread. */
  first(thread: number): ThreadState {
    const { script, args = [] } = this.#program.threads[thread]!;
    const place = this.#places.start(script, args);
    return this.#enter(thread, place, this.#interpreters.map(({ globals }) => globals));
  }

  /** The state after the step of this one, which read the value of these halves. */
  next(state: ThreadState, low: number, high: number): ThreadState {
    const { lows, highs, nexts } = state as Known;
    for (let i = 0; i < lows.length; i++) {
      if (lows[i] === low && highs[i] === high) return nexts[i]!;
    }
    const next = this.#resume(state as Known, low, high);
    lows.push(low);
    highs.push(high);
    nexts.push(next);
    this.#futures.noteWay(state.point, next.point);
    return next;
  }

  #resume(state: Known, low: number, high: number): ThreadState {
    const { thread, place, instruction } = state;
    const { globals } = state;
    if (!instruction) {
      return this.#enter(thread, this.#places.after(place, ownResult(state, low)), globals);
    }
    const interpreter = this.#interpreters[this.#kernelOf(place)]!;
    const frames = interpreter.copy(state.frames);
    interpreter.finishAccess(frames, pushed(instruction, low, high));
    return this.#run(thread, place, frames, globals);
  }

  /** Goes on at a place in the scripts. */
  #enter(thread: number, place: Place, globals: readonly Globals[]): ThreadState {
    const { request, failure } = place;
    if (failure !== undefined) {
      return this.#intern(thread, { place, failure: { kind: "check", says: failure } });
    }
    if (!request) return this.#intern(thread, { place });
    if (request.kind !== "call") {
      return this.#intern(thread, { place, globals, access: this.#ownStep(request) });
    }
    const frames = this.#interpreters[this.#kernelOf(place)]!.call(request.name, request.args);
    return this.#run(thread, place, frames, globals);
  }

  /** The number of the kernel that a place calls: a helper, or else the kernel. */
  #kernelOf({ request }: Place): number {
    if (request?.kind !== "call") return 0;
    return 1 + (this.#program.helpers ?? []).indexOf(request.kernel);
  }

  #ownStep(request: Exclude<NonNullable<Place["request"]>, { kind: "call" }>): Access {
    if (request.kind === "choose") return ownStep("choose", 0, request.count);
    if (request.kind !== "dead") {
      return ownStep(request.kind, this.#locations.blockNamed(request.block));
    }
    const thread = this.#program.threads.findIndex(({ name }) => name === request.thread);
    if (thread < 0) throw new RangeError(`The program has no thread "${request.thread}"`);
    return ownStep("dead", thread);
  }

  /** Runs the kernel to its next access, or to its return and then the script. */
  #run(
    thread: number,
    place: Place,
    frames: Frame[],
    before: readonly Globals[],
  ): ThreadState {
    const kernel = this.#kernelOf(place);
    const own = before[kernel]!.slice();
    const globals = before.with(kernel, own);
    try {
      const stop = this.#interpreters[kernel]!.run(frames, own);
      if (!stop.access) {
        return this.#enter(thread, this.#places.after(place, scalar(stop.result)), globals);
      }
      const access = this.#locations.relative(accessOf(stop.access, frames.at(-1)!.stack));
      const fault = this.#locations.faultOf(access);
      if (fault) throw new Trap(fault);
      return this.#intern(thread, { place, frames, globals, access, instruction: stop.access });
    } catch (error) {
      if (!(error instanceof Trap)) throw error;
      return this.#intern(thread, { place, failure: { kind: "trap", says: error.message } });
    }
  }

  #intern(
    thread: number,
    parts: Pick<Known, "place"> & Partial<Known>,
  ): ThreadState {
    const { place, frames = [], globals = [], access, failure } = parts;
    const code = this.#interpreters[this.#kernelOf(place)]!.keyOf(frames);
    const values = globals.map((values) => values.join()).join("/");
    const key = `${thread};${place.key};${code};${values};${failure?.says ?? ""}`;
    const known = this.#byKey.get(key);
    if (known) return known;
    const positions = frames.map((frame) => `${frame.code.index}:${frame.at}`);
    const point = this.#futures.point(`${thread};${place.position};${positions.join("|")}`);
    const touches = this.#futures.bits(this.#footprint(thread, access));
    this.#futures.noteStep(point, touches);
    const call = place.request?.kind === "call" ? place.request.name : "";
    const state: Known = {
      ...{ id: this.#states.length, thread, place, frames, globals, touches, point, call },
      ...{ lows: [], highs: [], nexts: [] },
      ...(access && { access }),
      ...(failure && { failure }),
      ...(parts.instruction && { instruction: parts.instruction }),
    };
    this.#states.push(state);
    this.#byKey.set(key, state);
    return state;
  }

  /** The locations that the next step touches; a thread that may die writes that it has. */
  #footprint(thread: number, access: Access | undefined) {
    if (!access) return { reads: [], writes: [] };
    const { reads, writes } = this.#locations.footprint(access);
    const death = this.#program.threads[thread]!.dies ? [this.#locations.firstThread + thread] : [];
    return { reads, writes: [...writes, ...death] };
  }
}

function ownResult({ access }: ThreadState, low: number): Scalar {
  if (access!.kind === "dead") return low === 1;
  return access!.kind === "choose" ? low : undefined;
}

/** What a script gets of a function's result. */
function scalar(value: Value | undefined): number | undefined {
  if (typeof value !== "bigint") return value;
  throw new RangeError("A kernel returns no i64: a script gets numbers");
}
