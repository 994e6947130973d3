/**
 * Attaching to what a test worker is sent: handles of an arena and of what lies in it.
 *
 * @module
 */

import { Arena, type ArenaHandle, type DomainHandle, RcuDomain } from "@guestmem/rcu";
import { Barrier, Schedule } from "./schedule.ts";

/**
 * What test workers are sent. Whatever else a package shares has a class, see {@link attachAll}.
 */
export interface Handles {
  readonly arena: ArenaHandle;
  /** Names the worker's context in the arena. */
  readonly label?: string;
  readonly domain?: DomainHandle;
  /** The buffer of a {@link Schedule}. */
  readonly schedule?: SharedArrayBuffer;
  /** The buffer of a {@link Barrier}. */
  readonly barrier?: SharedArrayBuffer;
}

/** A class whose objects lie in an arena. */
interface Attachable {
  // deno-lint-ignore no-explicit-any -- each class has a handle type of its own
  attach(arena: Arena, handle: any): unknown;
}

/** The classes of some of the data's properties, each of which takes what the property holds. */
type ClassesFor<Data> = {
  readonly [Name in keyof Data]?: { attach(arena: Arena, handle: Data[Name]): unknown };
};

/** The property `Name` if the data has a property `From`, which may be optional. */
type If<Data, From extends string, Name extends string, Value> = From extends keyof Data
  ? { readonly [Key in Name]: undefined extends Data[From] ? Value | undefined : Value }
  : unknown;

/** What {@link attachAll} returns. */
export type Attached<Data, Classes> =
  & { readonly arena: Arena }
  & If<Data, "domain", "domain", RcuDomain>
  & If<Data, "schedule", "schedule", Schedule>
  & If<Data, "barrier", "barrier", Barrier>
  & {
    readonly [Name in keyof Classes]: Classes[Name] extends Attachable
      ? ReturnType<Classes[Name]["attach"]>
      : never;
  };

/**
 * Attaches this context to the arena of `data`, to its domain, schedule and barrier if it has them,
 * and to further properties by their classes.
 *
 * ```ts ignore
 * const setup = (data: Data) => {
 *   const { arena, domain, schedule, ram } = attachAll(data, { ram: GuestRam });
 * ```
 *
 * @param classes For each further property, the class whose `attach(arena, handle)` takes it.
 */
export function attachAll<Data extends Handles, Classes extends ClassesFor<Data> = object>(
  data: Data,
  classes?: Classes,
): Attached<Data, Classes> {
  const { label, domain, schedule, barrier } = data;
  const arena = Arena.attach(data.arena, label === undefined ? {} : { label });
  const attached: Record<string, unknown> = { arena };
  if (domain) attached["domain"] = RcuDomain.attach(arena, domain);
  if (schedule) attached["schedule"] = Schedule.attach(schedule);
  if (barrier) attached["barrier"] = Barrier.attach(barrier);
  for (const [name, kind] of Object.entries((classes ?? {}) as Record<string, Attachable>)) {
    attached[name] = kind.attach(arena, data[name as keyof Data]);
  }
  return attached as Attached<Data, Classes>;
}
