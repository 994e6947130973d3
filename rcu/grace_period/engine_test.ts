import { assertEquals } from "@std/assert";
import { instantiateKernel } from "../kernel/kernel.ts";
import { Arena, RcuDomain, Srcu } from "../mod.ts";
import { rcuEngine, srcuEngine } from "./engine.ts";

const arena = Arena.create({ bytes: 1 << 20 });
const rcu = RcuDomain.create(arena);
const srcu = Srcu.create(arena);

const CASES = [
  {
    name: "RCU",
    domain: rcu,
    engine: rcuEngine(instantiateKernel(arena.memory), rcu.offset),
    steps: 1,
  },
  {
    name: "SRCU",
    domain: srcu,
    engine: srcuEngine(instantiateKernel(arena.memory), srcu.offset),
    steps: 4,
  },
];

for (const { name, domain, engine, steps } of CASES) {
  Deno.test(`${name}: cookies, counts and holders follow from one another`, () => {
    assertEquals([engine.completed(), engine.holder(), engine.arm(false)], [0, 0, 0]);
    const cookie = engine.startPoll();
    assertEquals(engine.startPoll(), cookie, "asking starts nothing");
    assertEquals([engine.advance(cookie), engine.completed()], [0, 1]);
    assertEquals(engine.startPoll(), cookie + steps);

    const reader = domain.register();
    const guard = reader.lock();
    const held = engine.startPoll();
    assertEquals(engine.advance(held), reader.slot);
    assertEquals([engine.holder(), engine.arm(true), reader.hurry], [
      reader.slot,
      reader.slot,
      true,
    ]);
    assertEquals(engine.startPoll(), held + steps, "the one in progress began before this call");
    assertEquals(engine.completed(), 1);
    guard.unlock();
    assertEquals([engine.holder(), reader.hurry, engine.completed()], [0, false, 2]);
    assertEquals(engine.advance(held), 0);
  });
}
