/**
 * `equal` with the rules of `@std/assert`, for {@link ./assert.ts}: where they differ from
 * `node:assert/strict`, std's hold (0 equals -0; a getter on a prototype takes part; only the
 * enumerable own keys are counted).
 *
 * @module
 */

type Keyed = Map<unknown, unknown> | Set<unknown>;
type Elements = ArrayLike<number | bigint>;
type Fields = Record<PropertyKey, unknown>;

const TypedArray = Object.getPrototypeOf(Uint8Array) as new () => Elements;

/** Classes whose instances std compares by their text. */
const COMPARED_AS_TEXT = new Set<unknown>([
  RegExp.prototype,
  URL.prototype,
  URLSearchParams.prototype,
  Intl.Locale.prototype,
]);

const sameValueZero = (a: unknown, b: unknown): boolean => a === b || Object.is(a, b);

const isPrimitive = (x: unknown): boolean =>
  x === null || (typeof x !== "object" && typeof x !== "function");

/** A null prototype counts as `Object.prototype`. */
function samePrototype(a: object, b: object): boolean {
  const of = (x: object) => Object.getPrototypeOf(x) ?? Object.prototype;
  return of(a) === of(b);
}

function sameElements(a: Elements, b: Elements): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (!sameValueZero(a[i], b[i])) return false;
  }
  return true;
}

function isBuffer(x: object): x is ArrayBuffer | SharedArrayBuffer {
  return x instanceof ArrayBuffer || x instanceof SharedArrayBuffer;
}

const isKeyed = (x: object): x is Keyed => x instanceof Map || x instanceof Set;

/** The keys that take part: of a plain object or array its own, of an instance its classes' too. */
function comparedKeys(object: object): Set<PropertyKey> {
  const prototype = Object.getPrototypeOf(object);
  const plain = prototype === null || prototype === Object.prototype ||
    prototype === Array.prototype;
  if (plain) return new Set(Reflect.ownKeys({ ...object }));
  const keys = new Set<PropertyKey>();
  for (
    let at = object;
    at !== null && at !== Object.prototype && at !== Array.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const key of Reflect.ownKeys(at)) keys.add(key);
  }
  return keys;
}

/** One comparison of two graphs; `seen` closes cycles. */
class Comparison {
  readonly #seen = new Map<object, object>();

  equal(a: unknown, b: unknown): boolean {
    if (sameValueZero(a, b)) return true;
    if (isPrimitive(a) || isPrimitive(b)) return false;
    if (typeof a !== "object" || typeof b !== "object") return false;
    return this.#objects(a as object, b as object);
  }

  #objects(a: object, b: object): boolean {
    if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
    if (!samePrototype(a, b)) return false;
    if (a instanceof TypedArray) return sameElements(a, b as Elements);
    if (isBuffer(a)) return sameElements(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
    if (a instanceof WeakMap || a instanceof WeakSet) {
      throw new TypeError(`Cannot compare ${a.constructor.name} instances`);
    }
    if (a instanceof WeakRef) return this.equal(a.deref(), (b as WeakRef<object>).deref());
    if (this.#seen.get(a) === b) return true;
    if (Object.keys(a).length !== Object.keys(b).length) return false;
    this.#seen.set(a, b);
    if (isKeyed(a) && isKeyed(b)) return this.#keyed(a, b);
    if (COMPARED_AS_TEXT.has(Object.getPrototypeOf(a))) return String(a) === String(b);
    return this.#fields(a as Fields, b as Fields);
  }

  #keyed(a: Keyed, b: Keyed): boolean {
    if (a.size !== b.size) return false;
    const inB = (key: unknown, value: unknown): boolean => {
      if (isPrimitive(key)) {
        return b.has(key) && (b instanceof Set || this.equal(value, b.get(key)));
      }
      return [...b.entries()].some(([k, v]) =>
        this.equal(key, k) && (b instanceof Set || this.equal(value, v))
      );
    };
    return [...a.entries()].every(([key, value]) => inB(key, value));
  }

  #fields(a: Fields, b: Fields): boolean {
    for (const key of comparedKeys(a).union(comparedKeys(b))) {
      if ((key in a) !== (key in b) || !this.equal(a[key], b[key])) return false;
    }
    return true;
  }
}

/** Whether `a` and `b` are deeply equal by the rules of `@std/assert`. */
export function equal(a: unknown, b: unknown): boolean {
  return new Comparison().equal(a, b);
}
