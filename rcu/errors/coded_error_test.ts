import { assert, assertEquals } from "@std/assert";
import { CodedError, type Messages } from "./coded_error.ts";

interface Details {
  FULL: { entries: number };
  BROKEN: { at: number; reason: string };
}
const MESSAGES: Messages<Details> = {
  FULL: ({ entries }) => `full at ${entries}`,
  BROKEN: ({ at, reason }) => `broken at ${at}: ${reason}`,
};
class RingError<Code extends keyof Details = keyof Details> extends CodedError<Details, Code> {
  static {
    this.prototype.name = "RingError";
  }
  constructor(code: Code, details: Details[Code], options?: ErrorOptions) {
    super(MESSAGES, code, details, options);
  }
}
class RingFullError extends RingError<"FULL"> {
  static {
    this.prototype.name = "RingFullError";
  }
}

Deno.test("an error carries its code, its fields and the message made of them", () => {
  const cause = new Error("why");
  const error = new RingError("BROKEN", { at: 4, reason: "no magic" }, { cause });
  assertEquals([error.code, error.message], ["BROKEN", "broken at 4: no magic"]);
  assertEquals(error.details, { at: 4, reason: "no magic" });
  assertEquals(error.cause, cause);
  // The field's type follows the code.
  const at: number = error.details.at;
  assertEquals(at, 4);
});

Deno.test("the name is a literal of the class, in the stack as well, and a subclass has its own", () => {
  const error = new RingError("FULL", { entries: 3 });
  const full = new RingFullError("FULL", { entries: 3 });
  assertEquals([error.name, full.name], ["RingError", "RingFullError"]);
  assert(full.stack?.startsWith("RingFullError: full at 3"));
  assert(full instanceof RingError && full instanceof Error);
});

Deno.test("hasCode narrows what a caller has caught to the fields of one code", () => {
  const caught: unknown = new RingError("BROKEN", { at: 4, reason: "no magic" });
  if (!(caught instanceof RingError)) throw new Error("not caught");
  assertEquals(caught.hasCode("FULL"), false);
  assert(caught.hasCode("BROKEN"));
  const at: number = caught.details.at;
  assertEquals([at, caught.details.reason], [4, "no magic"]);
});
