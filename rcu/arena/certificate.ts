/**
 * The certificate of a death: a Web Lock that a worker's context holds for as long as it lives. The
 * platform releases it when the worker has stopped, and not before; so a lock that was held, and is
 * free, says for certain that its worker executes nothing more.
 *
 * A main context takes none: in Deno a lock keeps its process alive. It needs none either, since
 * nobody outlives it.
 *
 * @module
 */

/** The Web Locks API, as far as it is needed here. */
interface Locks {
  request(
    name: string,
    options: { readonly mode: "exclusive" | "shared"; readonly ifAvailable?: boolean },
    granted: (lock: unknown) => unknown,
  ): Promise<unknown>;
}

/** What a host may offer. */
interface Host {
  readonly navigator?: { readonly locks?: Locks };
  readonly WorkerGlobalScope?: new () => unknown;
  readonly addEventListener?: unknown;
}

const host = globalThis as unknown as Host;

function locks(): Locks | undefined {
  return host.navigator?.locks;
}

/** Whether this platform has locks by which to certify a death. */
export function canCertify(): boolean {
  return locks() !== undefined;
}

/**
 * Whether this is the main context of a page or of a Deno program. Both receive events and are no
 * worker's scope. Node's contexts receive none, and there a lock is harmless in any of them.
 */
function isMainContext(): boolean {
  const scope = host.WorkerGlobalScope;
  if (scope !== undefined) return !(globalThis instanceof scope);
  return host.addEventListener !== undefined;
}

/** Name of the lock of one context. No other arena of the same origin has it. */
function lockOf(arena: string, token: number): string {
  return `guestmem ${arena} ${token}`;
}

/**
 * Takes the lock of this context, unless it is a main context or there are no locks.
 *
 * @param arena The arena's `id`.
 * @param token This context's token.
 * @param held Called once the lock is held, if this context ever returns to its event loop.
 * @returns Releases the lock.
 */
export function holdLock(arena: string, token: number, held: () => void): () => void {
  let release = () => {};
  const released = new Promise<void>((resolve) => release = resolve);
  if (!isMainContext()) {
    // A page may be forbidden to use locks. Then nobody sees this one held, and none is trusted.
    locks()?.request(lockOf(arena, token), { mode: "exclusive" }, () => {
      held();
      return released;
    }).catch(() => {});
  }
  return release;
}

/**
 * Whether the lock of a context is free now. Never queues, so nothing is left pending. Asks for a
 * shared lock, so that two who ask at once do not take each other for the holder.
 */
export async function isLockFree(arena: string, token: number): Promise<boolean> {
  const options = { mode: "shared", ifAvailable: true } as const;
  return await locks()?.request(lockOf(arena, token), options, (lock) => lock !== null) === true;
}
