/**
 * Stands in for `@std/testing/bdd` where the JSR registry cannot be reached. A `describe` becomes one
 * `Deno.test`, whatever is in it a step.
 *
 * Covered: describe, it, their `only`, `ignore` and `skip`, beforeAll, afterAll, beforeEach,
 * afterEach, each in the form `(name, fn)` or `(fn)` for hooks. Not covered: the forms with options,
 * hooks outside a describe (they throw), `this` as a context, todo, assertion counts.
 *
 * @module
 */

type TestFunction = (t: Deno.TestContext) => void | Promise<void>;
type Hook = () => void | Promise<void>;
type HookName = "beforeAll" | "afterAll" | "beforeEach" | "afterEach";
interface Flags {
  only?: boolean;
  ignore?: boolean;
}

interface Case extends Flags {
  readonly name: string;
  readonly fn: TestFunction;
}

class Suite {
  readonly hooks: Record<HookName, Hook[]> = {
    beforeAll: [],
    afterAll: [],
    beforeEach: [],
    afterEach: [],
  };
  readonly items: (Suite | Case)[] = [];

  constructor(readonly name: string, readonly parent: Suite | undefined, public only: boolean) {}

  /** Whether anything inside was marked `only`: then only what is marked runs. */
  get holdsOnly(): boolean {
    return this.items.some((item) => item.only || (item instanceof Suite && item.holdsOnly));
  }

  /** What runs. A suite that is itself marked, and holds no mark, runs whole. */
  get selected(): (Suite | Case)[] {
    if (!this.holdsOnly) return this.items;
    return this.items.filter((item) => item.only || (item instanceof Suite && item.holdsOnly));
  }

  async run(t: Deno.TestContext): Promise<void> {
    for (const hook of this.hooks.beforeAll) await hook();
    try {
      for (const item of this.selected) {
        const fn: TestFunction = item instanceof Suite
          ? (step) => item.run(step)
          : (step) => this.#around(() => item.fn(step));
        const ignore = !(item instanceof Suite) && item.ignore === true;
        await t.step({ name: item.name, ignore, fn });
      }
    } finally {
      for (const hook of this.hooks.afterAll) await hook();
    }
  }

  /** The hooks of the outermost suite enclose those of the inner ones. */
  #around(body: Hook): Promise<void> {
    let wrapped: () => Promise<void> = async () => await body();
    // deno-lint-ignore no-this-alias -- the start of a walk to the root
    for (let suite: Suite | undefined = this; suite; suite = suite.parent) {
      const { beforeEach, afterEach } = suite.hooks;
      const inner = wrapped;
      wrapped = async () => {
        for (const hook of beforeEach) await hook();
        try {
          await inner();
        } finally {
          for (const hook of afterEach) await hook();
        }
      };
    }
    return wrapped();
  }
}

let current: Suite | undefined;
let running = 0;

function checkMayRegister(what: string): void {
  if (running > 0) throw new Error(`Cannot register new test ${what} after tests start running`);
}

function register(name: string, flags: Flags, fn: TestFunction): void {
  Deno.test({
    name,
    ...flags,
    fn: async (t) => {
      running++;
      try {
        await fn(t);
      } finally {
        running--;
      }
    },
  });
}

function addSuite(name: string, flags: Flags, fn: () => void): void {
  checkMayRegister("suites");
  if (flags.ignore) return register(name, flags, () => {}); // std does not even look inside
  const suite = new Suite(name, current, flags.only === true);
  current = suite;
  try {
    if ((fn() as unknown) instanceof Promise) {
      throw new Error(
        'Returning a Promise from "describe" is not supported: tests must be defined synchronously',
      );
    }
  } finally {
    current = suite.parent;
  }
  if (suite.parent) suite.parent.items.push(suite);
  else register(name, suite.only || suite.holdsOnly ? { only: true } : {}, (t) => suite.run(t));
}

function addCase(name: string, flags: Flags, fn: TestFunction): void {
  checkMayRegister("cases");
  if (current) current.items.push({ name, fn, ...flags });
  else register(name, flags, fn);
}

function addHook(name: HookName, fn: Hook): void {
  if (!current) throw new Error(`Cannot add ${name} outside a describe: not covered offline`);
  current.hooks[name].push(fn);
}

/** Registers a group of tests with its variants. */
export interface Describe {
  (name: string, fn: () => void): void;
  only(name: string, fn: () => void): void;
  ignore(name: string, fn: () => void): void;
  skip(name: string, fn: () => void): void;
}

/** Registers a test with its variants. */
export interface It {
  (name: string, fn: TestFunction): void;
  only(name: string, fn: TestFunction): void;
  ignore(name: string, fn: TestFunction): void;
  skip(name: string, fn: TestFunction): void;
}

/** Registers a group of tests; `fn` registers them and must not be async. */
export const describe: Describe = Object.assign(
  (name: string, fn: () => void) => addSuite(name, {}, fn),
  {
    only: (name: string, fn: () => void) => addSuite(name, { only: true }, fn),
    ignore: (name: string, fn: () => void) => addSuite(name, { ignore: true }, fn),
    skip: (name: string, fn: () => void) => addSuite(name, { ignore: true }, fn),
  },
);

/** Registers a test. */
export const it: It = Object.assign(
  (name: string, fn: TestFunction) => addCase(name, {}, fn),
  {
    only: (name: string, fn: TestFunction) => addCase(name, { only: true }, fn),
    ignore: (name: string, fn: TestFunction) => addCase(name, { ignore: true }, fn),
    skip: (name: string, fn: TestFunction) => addCase(name, { ignore: true }, fn),
  },
);

/** Runs before the first test of the suite. */
export function beforeAll(fn: Hook): void {
  addHook("beforeAll", fn);
}

/** Runs after the last test of the suite, whether or not they passed. */
export function afterAll(fn: Hook): void {
  addHook("afterAll", fn);
}

/** Runs before each test of the suite and of the suites in it. */
export function beforeEach(fn: Hook): void {
  addHook("beforeEach", fn);
}

/** Runs after each test of the suite and of the suites in it, whether or not it passed. */
export function afterEach(fn: Hook): void {
  addHook("afterEach", fn);
}
