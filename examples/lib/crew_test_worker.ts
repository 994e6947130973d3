import { Arena, type ArenaHandle, type DomainHandle, RcuDomain } from "@guestmem/rcu";
import { hear, say, work } from "./crew_member.ts";

/** What a member is to do. */
export interface Order {
  readonly name: string;
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly fails: boolean;
}

work(async ({ name, arena, domain, fails }: Order) => {
  const reader = RcuDomain.attach(Arena.attach(arena, { label: name }), domain).register();
  say("ready");
  say(await hear<string>());
  const guard = reader.lock();
  if (fails) throw new RangeError("planted"); // inside the section
  guard.unlock();
  reader.unregister();
});
