import { assertEquals, assertThrows } from "@std/assert";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { TransactionLog } from "./transaction_log.ts";

const region = { size: 0x100n };

Deno.test("what a nested transaction changed is undone alone, or with the outer one", () => {
  const log = new TransactionLog<typeof region>();
  const target = { value: 0 };
  log.begin();
  log.assign(target, "value", 1);
  log.begin();
  log.assign(target, "value", 2);
  log.rollBack();
  log.end();
  assertEquals([target.value, log.depth], [1, 1]);
  log.begin();
  log.assign(target, "value", 3);
  log.end(); // now part of the outer one
  log.rollBack();
  log.end();
  assertEquals([target.value, log.depth], [0, 0]);
});

Deno.test("once the undo log is discarded there is no way back", () => {
  const log = new TransactionLog<typeof region>();
  const target = { value: 0 };
  log.begin();
  log.assign(target, "value", 1);
  log.discardUndo();
  log.rollBack();
  log.end();
  assertEquals(target.value, 1);
});

Deno.test("marks of one region join, and are gone with the outermost transaction", () => {
  const log = new TransactionLog<typeof region>();
  log.begin();
  log.mark(region, 0x10n, 0x20n);
  log.mark(region, 0x18n, 0x40n);
  assertEquals(log.dirty.get(region), [{ from: 0x10n, to: 0x40n }]);
  log.mark(region, 0x80n, 0x90n);
  assertEquals(log.dirty.get(region)!.length, 2);
  log.mark(region);
  assertEquals(log.dirty.get(region), [{ from: 0n, to: 0x100n }]);
  log.end();
  assertEquals(log.dirty.size, 0);
});

Deno.test("no change outside a transaction, and no transaction while one is published", () => {
  const log = new TransactionLog<typeof region>();
  const outside = assertThrows(() => log.record(() => {}), FlatViewError, "no transaction is open");
  assertEquals(outside.code, "NO_TRANSACTION");
  log.begin();
  log.freeze();
  assertEquals(assertThrows(() => log.begin(), FlatViewError).code, "COMMIT_IN_PROGRESS");
  log.end();
  log.begin();
  log.end();
});
