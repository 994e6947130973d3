import { Arena } from "@guestmem/rcu";
import { assertEquals } from "@std/assert";
import { MapGenerations } from "./map_generations.ts";

Deno.test("all who draw from a counter get different generations, from 1 on", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const one = MapGenerations.create(arena);
  const other = MapGenerations.attach(arena, one.offset);
  assertEquals([one.next(), other.next(), other.next(), one.next()], [1, 2, 3, 4]);
});

Deno.test("generations go on beyond 32 bits", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const generations = MapGenerations.create(arena);
  arena.u32[generations.offset >>> 2] = 0xffff_ffff;
  assertEquals([generations.next(), generations.next()], [2 ** 32, 2 ** 32 + 1]);
});
