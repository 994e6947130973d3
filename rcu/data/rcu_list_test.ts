import { Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { withWorkers, WorkerError } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { registerElsewhere } from "../testdata/elsewhere.ts";
import { READY, STOP } from "../testdata/shared_words.ts";
import {
  Arena,
  ArenaExhaustedError,
  RcuDomain,
  RcuError,
  RcuList,
  type ReadGuard,
} from "../mod.ts";
import type { Setup } from "./data_test_worker.ts";
import fc from "fast-check";

const WORKER = import.meta.resolve("./data_test_worker.ts");

function create(debug = false) {
  const arena = Arena.create({ bytes: 1 << 18, debug });
  const domain = RcuDomain.create(arena, { maxDeferred: 64 });
  const words = new Int32Array(new SharedArrayBuffer(32));
  const schedule = Schedule.create();
  const data = {
    arena: arena.handle,
    domain: domain.handle,
    schedule: schedule.buffer,
    words: words.buffer as SharedArrayBuffer,
  };
  const node = (value: number): number => {
    const offset = arena.allocate(16);
    arena.u32[offset / 4 + 2] = value;
    arena.u32[offset / 4 + 3] = ~value;
    return offset;
  };
  const values = (list: RcuList, guard: ReadGuard): number[] => {
    const found: number[] = [];
    for (let at = list.first(guard); at !== 0; at = list.next(guard, at)) {
      found.push(arena.u32[at / 4 + 2]!);
    }
    return found;
  };
  return { arena, domain, words, schedule, data, node, values };
}

Deno.test("a node goes to the head, to the tail or after another", () => {
  const { arena, domain, node, values } = create();
  const guard = domain.register().lock();
  const list = RcuList.create(arena);
  assertEquals(list.first(guard), 0);
  const two = node(2);
  list.insertHead(two);
  list.insertHead(node(1));
  list.insertTail(node(4));
  list.insertAfter(two, node(3));
  assertEquals(values(list, guard), [1, 2, 3, 4]);
  assertEquals(values(RcuList.attach(arena, list.offset), guard), [1, 2, 3, 4]);
  guard.unlock();
});

Deno.test("a node that is not where it has to be is refused, and nothing changes", () => {
  const { arena, domain, node, values } = create();
  const guard = domain.register().lock();
  const list = RcuList.create(arena);
  const [one, two, outside] = [node(1), node(2), node(3)];
  list.insertTail(one);
  list.insertTail(two);
  const header = arena.u32.slice(0, 64);
  const refuse = (call: () => void, reason: string) => {
    const error = assertThrows(call, RcuError, reason);
    assert(error.message.includes(String(error.details["node"])));
    assertEquals(values(list, guard), [1, 2]);
  };
  refuse(() => list.insertHead(one), "it is in a list");
  refuse(() => list.insertAfter(two, two), "it is in a list");
  refuse(() => list.insertAfter(outside, node(4)), "it is in no list");
  refuse(() => list.insertTail(0), "null");
  refuse(() => list.insertAfter(0, outside), "it is in no list");
  refuse(() => list.remove(outside), "it is in no list");
  refuse(() => list.remove(0), "it is in no list");
  refuse(() => list.remove(list.offset), "head");
  list.remove(two);
  assertThrows(() => list.remove(two), RcuError, "it is in no list");
  assertEquals(values(list, guard), [1]);
  assertEquals(arena.u32.slice(0, 8), header.slice(0, 8), "node 0 is the arena's header");
  guard.unlock();
});

Deno.test("a removed node still leads a reader that stands on it to the rest", () => {
  const { arena, domain, node, values } = create();
  const guard = domain.register().lock();
  const list = RcuList.create(arena);
  const nodes = [1, 2, 3].map(node);
  for (const each of nodes) list.insertTail(each);
  list.remove(nodes[0]!);
  list.remove(nodes[1]!);
  assertEquals(values(list, guard), [3]);
  assertEquals(list.next(guard, nodes[0]!), nodes[1]!);
  assertEquals(list.next(guard, nodes[1]!), nodes[2]!);
  assertEquals(list.next(guard, nodes[2]!), 0);
  guard.unlock();
});

Deno.test("a removed node can be inserted again after a grace period", () => {
  const { arena, domain, node, values } = create();
  const reader = domain.register();
  const [list, other] = [RcuList.create(arena), RcuList.create(arena)];
  const [one, two] = [node(1), node(2)];
  list.insertTail(one);
  list.insertTail(two);
  list.remove(one);
  domain.synchronize();
  other.insertHead(one);
  const guard = reader.lock();
  assertEquals([values(list, guard), values(other, guard)], [[2], [1]]);
  guard.unlock();
});

/** The list as a writer sees it that dies before or after its n-th store to a back link. */
function dyingWriter(arena: Arena, list: RcuList, store: number, after: boolean): RcuList {
  let stores = 0;
  const u32 = new Proxy(arena.u32, {
    get: (words, key) => Reflect.get(words, key, words),
    set: (words, key, value) => {
      const dies = stores++ === store;
      if (!dies || after) words[Number(key)] = value;
      if (dies) throw new RangeError("died");
      return true;
    },
  });
  const { memory, i32, u8, debug } = arena;
  return RcuList.attach({ memory, i32, u8, debug, u32 }, list.offset);
}

Deno.test("a writer that dies in a change leaves a list that the next one goes on with", () => {
  const { arena, domain, node, values } = create();
  const reader = registerElsewhere(domain);
  const guard = reader.lock();
  const changes: ((list: RcuList, nodes: number[]) => void)[] = [
    (list) => list.insertHead(node(9)),
    (list) => list.insertTail(node(9)),
    (list, nodes) => list.insertAfter(nodes[1]!, node(9)),
    ...[0, 1, 2].map((index) => (list: RcuList, nodes: number[]) => list.remove(nodes[index]!)),
  ];
  let deaths = 0;
  for (const change of changes) {
    for (const store of [0, 1]) {
      for (const after of [false, true]) {
        const list = RcuList.create(arena);
        const nodes = [1, 2, 3].map(node);
        for (const each of nodes) list.insertTail(each);
        try {
          change(dyingWriter(arena, list, store, after), nodes);
        } catch (error) {
          assertEquals((error as Error).message, "died");
          deaths++;
        }
        const left = values(list, guard);
        list.insertTail(node(5));
        list.insertHead(node(4));
        assertEquals(values(list, guard), [4, ...left, 5]);
        if (store === 1 && !after && left.length < 3) {
          // Unlinked, and not marked as such: it is refused all the same.
          const gone = nodes.find((_, index) => !left.includes(index + 1))!;
          assertThrows(() => list.remove(gone), RcuError, "it is in no list");
        }
        for (let first = list.first(guard); first !== 0; first = list.first(guard)) {
          list.remove(first);
        }
        list.insertTail(node(6));
        assertEquals(values(list, guard), [6]);
      }
    }
  }
  assertEquals(deaths, 24);
  guard.unlock();
});

Deno.test("a list that the arena has no room for is an error", () => {
  const { arena } = create();
  assertThrows(() => {
    for (;;) RcuList.create(arena);
  }, ArenaExhaustedError);
  arena.checkHeap();
});

Deno.test("debug mode refuses a section that is over", () => {
  const { arena, domain, node } = create(true);
  const list = RcuList.create(arena);
  const one = node(1);
  list.insertHead(one);
  const guard = domain.register().lock();
  guard.unlock();
  assertThrows(() => list.first(guard), RcuError, "walk a list");
  assertEquals(assertThrows(() => list.next(guard, one), RcuError).code, "SECTION_CLOSED");
});

type Step = { op: "head" | "tail" | "after" | "remove"; pick: number };

Deno.test("a list does what an array does", () => {
  const steps = fc.array(
    fc.record<Step>({
      op: fc.constantFrom("head", "tail", "after", "remove"),
      pick: fc.nat(1000),
    }),
    { maxLength: 60 },
  );
  const { arena, domain, node, values } = create();
  const reader = domain.register();
  let serial = 0;
  const property = fc.property(steps, (program) => {
    const list = RcuList.create(arena);
    const model: { value: number; offset: number }[] = [];
    for (const { op, pick } of program) {
      const at = model.length === 0 ? 0 : pick % model.length;
      if (op === "remove") {
        const [gone] = model.splice(at, 1);
        if (!gone) continue;
        list.remove(gone.offset);
        domain.deferFree(gone.offset);
      } else {
        const value = serial++;
        const made = { value, offset: node(value) };
        if (op === "head") list.insertHead(made.offset);
        if (op === "tail") list.insertTail(made.offset);
        if (op === "after") list.insertAfter(model[at]?.offset ?? list.offset, made.offset);
        model.splice(op === "head" ? 0 : op === "tail" ? model.length : at + 1, 0, made);
      }
      const guard = reader.lock();
      assertEquals(values(list, guard), model.map(({ value }) => value));
      guard.unlock();
    }
    for (const { offset } of model) list.remove(offset), arena.free(offset);
    arena.free(list.offset);
    domain.barrier();
  });
  fc.assert(property, { seed: 1, numRuns: 200 });
});

Deno.test("a reader that stands on a node in a worker walks on while it is removed", () =>
  withWorkers(async (workers) => {
    const { arena, domain, schedule, data, node } = create(true);
    const list = RcuList.create(arena);
    const nodes = [1, 2, 3].map(node);
    for (const each of nodes) list.insertTail(each);
    const walked = workers.spawn<Setup>(WORKER, data).call("standOnFirst", list.offset);
    schedule.awaitStep(1);
    for (const gone of nodes.slice(0, 2)) {
      list.remove(gone);
      domain.deferFree(gone);
    }
    list.insertTail(node(4));
    const cookie = domain.startPoll();
    assert(!domain.poll(cookie));
    schedule.reach(2);
    assertEquals(await walked, [1, 2, 3, 4]);
    domain.barrier();
    assertEquals(domain.stats().deferredBlocks, 0);
  }));

Deno.test("a node freed too early shows in a reader's walk", () =>
  withWorkers(async (workers) => {
    const { arena, schedule, data, node } = create(true);
    const list = RcuList.create(arena);
    const nodes = [1, 2].map(node);
    for (const each of nodes) list.insertTail(each);
    const walked = workers.spawn<Setup>(WORKER, data).call("standOnFirst", list.offset);
    schedule.awaitStep(1);
    list.remove(nodes[0]!);
    arena.free(nodes[0]!); // the planted bug: no grace period
    schedule.reach(2);
    await assertRejects(() => walked, WorkerError, "RuntimeError"); // its link is poison
  }));

Deno.test("walks in two workers see whole nodes and every node that stays (RCU-G8)", () =>
  withWorkers(async (workers) => {
    const { arena, domain, words, data, node } = create(true);
    const list = RcuList.create(arena);
    const fixed = 8;
    for (let value = 0; value < fixed; value++) list.insertTail(node(value));
    const seen = [0, 1].map(() =>
      workers.spawn<Setup>(WORKER, data).call("walk", list.offset, fixed)
    );
    const others: number[] = [];
    const stays = (index: number): number => {
      let at = arena.u32[list.offset / 4]!;
      for (; index > 0; at = arena.u32[at / 4]!) {
        if (arena.u32[at / 4 + 2]! < fixed) index--;
      }
      return at;
    };
    const enough = () => Atomics.load(words, READY) === 2;
    for (const round of rounds(4000, enough, "both readers have walked often")) {
      if (others.length > 6 || (others.length > 0 && round % 3 === 0)) {
        const [gone] = others.splice((round * 7) % others.length, 1);
        list.remove(gone!);
        domain.deferFree(gone!);
        continue;
      }
      const made = node(1000 + round);
      if (round % 4 === 0) list.insertHead(made);
      else if (round % 4 === 1) list.insertTail(made);
      else list.insertAfter(stays(round % fixed), made);
      others.push(made);
    }
    Atomics.store(words, STOP, 1);
    assertEquals(await Promise.all(seen), [0, 0]);
    domain.barrier();
    arena.checkHeap();
  }));

Deno.test("debug mode refuses a node of another list", () => {
  const { arena } = create(true);
  const [list, other] = [RcuList.create(arena), RcuList.create(arena)];
  const [node, next] = [arena.allocate(16), arena.allocate(16)];
  list.insertTail(node);
  for (const act of [() => other.remove(node), () => other.insertAfter(node, next)]) {
    const error = assertThrows(act, RcuError, "it is in another list");
    assertEquals(error.code, "LIST_NODE");
  }
  list.insertAfter(node, next);
  list.remove(node);
  list.remove(next);
});
