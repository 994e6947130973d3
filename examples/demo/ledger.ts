/**
 * The versions of the map, recorded apart from the map itself: for each place that changes, what it
 * shows in each version, and which versions an access may see.
 *
 * The control context announces a version before it commits, and settles it afterwards. A vCPU
 * reads the floor before its section begins and the ceiling after the access: what it saw must be
 * what one of the versions from floor to ceiling shows.
 *
 * @module
 */

/** Versions of a place that are kept. A section that spans more cannot be judged. */
const REMEMBERED = 4096;

const FLOOR = 0;
const CEILING = 1;
const HISTORY = 2;
const PLACE_WORDS = HISTORY + 2 * REMEMBERED;

/** The base of a place that shows nothing. */
const NOWHERE = -1;
const PAGE = 4096;

/** The versions of all places. Each context attaches to one buffer. */
export class Ledger {
  /** Sent to another context, for {@link attach}. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Creates a ledger in which each place shows nothing. */
  static create(places: number): Ledger {
    const ledger = new Ledger(new SharedArrayBuffer(places * PLACE_WORDS * 4));
    for (let place = 0; place < places; place++) ledger.#write(place, 0, null, 0);
    return ledger;
  }

  /** Attaches to another context's ledger. */
  static attach(buffer: SharedArrayBuffer): Ledger {
    return new Ledger(buffer);
  }

  /**
   * Before a commit: from now on accesses may see the next version.
   *
   * @param base Page-aligned address of the place's region; null if it shows nothing.
   * @param key The key of its content.
   */
  announce(place: number, base: number | null, key: number): void {
    const version = this.ceiling(place) + 1;
    this.#write(place, version, base, key);
    Atomics.store(this.#words, place * PLACE_WORDS + CEILING, version);
  }

  /** After a commit: sections that begin from now on see the newest version. */
  settle(place: number): void {
    Atomics.store(this.#words, place * PLACE_WORDS + FLOOR, this.ceiling(place));
  }

  /** The oldest version that a section beginning now may see. */
  floor(place: number): number {
    return Atomics.load(this.#words, place * PLACE_WORDS + FLOOR);
  }

  /** The newest version that an access may see. */
  ceiling(place: number): number {
    return Atomics.load(this.#words, place * PLACE_WORDS + CEILING);
  }

  /** Whether all versions from `floor` on are still kept. */
  remembers(place: number, floor: number): boolean {
    return this.ceiling(place) - floor < REMEMBERED;
  }

  /** The region's address in a version; null if it shows nothing. */
  base(place: number, version: number): number | null {
    const page = Atomics.load(this.#words, this.#at(place, version));
    return page === NOWHERE ? null : page * PAGE;
  }

  /** The key of its content in a version. */
  key(place: number, version: number): number {
    return Atomics.load(this.#words, this.#at(place, version) + 1);
  }

  #at(place: number, version: number): number {
    return place * PLACE_WORDS + HISTORY + 2 * (version % REMEMBERED);
  }

  #write(place: number, version: number, base: number | null, key: number): void {
    const at = this.#at(place, version);
    Atomics.store(this.#words, at, base === null ? NOWHERE : base / PAGE);
    Atomics.store(this.#words, at + 1, key);
  }
}
