import { assertEquals } from "@std/assert";
import { EscapeFilter } from "./escapes.ts";
import { Monitor, type MonitoredMachine } from "./monitor.ts";

const encoder = new TextEncoder();

/** The output of a filter for text that is typed in pieces. Bytes are shown as text. */
function filter(...pieces: string[]): string[] {
  const escapes = new EscapeFilter();
  return pieces.flatMap((piece) =>
    [...escapes.take(encoder.encode(piece))].map((part) =>
      typeof part === "string" ? `<${part}>` : new TextDecoder().decode(part)
    )
  );
}

Deno.test("Ctrl-A takes the next byte, also if it comes later", () => {
  assertEquals(filter("ls\r"), ["ls\r"]);
  assertEquals(filter("a\x01cb"), ["a", "<monitor>", "b"]);
  assertEquals(filter("a\x01", "xb"), ["a", "<exit>", "b"]);
  assertEquals(filter("\x01\x01"), ["\x01"]);
  assertEquals(filter("a\x01zb\x01h"), ["ab", "<help>"]);
});

/** A machine that notes what it is asked. */
class FakeMachine implements MonitoredMachine {
  readonly asked: string[] = [];
  isPaused = false;

  ask(question: unknown): Promise<string> {
    this.asked.push(JSON.stringify(question));
    return Promise.resolve("the map");
  }
  registersText(): Promise<string> {
    return Promise.resolve("the registers");
  }
  rcuText(): string {
    return "the domain";
  }
  pause(): Promise<void> {
    this.isPaused = true;
    return Promise.resolve();
  }
  resume(): void {
    this.isPaused = false;
  }
  quit(): void {
    this.asked.push("quit");
  }
}

Deno.test("the monitor answers in QEMU's words", async () => {
  const machine = new FakeMachine();
  const monitor = new Monitor(machine, () => {});
  const map = { kind: "map", map: { flat: true, dispatch: true } };
  assertEquals(await monitor.run("info mtree -f -d"), "the map");
  assertEquals(machine.asked, [JSON.stringify(map)]);
  assertEquals(await monitor.run("info registers"), "the registers");
  assertEquals(await monitor.run("info rcu"), "the domain");
  assertEquals(await monitor.run("info status"), "VM status: running");
  assertEquals(await monitor.run("stop"), "");
  assertEquals(await monitor.run("info status"), "VM status: paused");
  assertEquals(await monitor.run("cont"), "");
  assertEquals(machine.isPaused, false);
  assertEquals(await monitor.run("info mtree -x"), "info mtree: unknown option '-x'");
  assertEquals(await monitor.run("boot"), "unknown command: 'boot'");
  await monitor.run("quit");
  assertEquals(machine.asked.at(-1), "quit");
});

Deno.test("the monitor echoes a line, edits it and runs it", async () => {
  let shown = "";
  const monitor = new Monitor(new FakeMachine(), (text) => void (shown += text));
  monitor.open();
  await monitor.type(encoder.encode("info rcx\x7fu\r"));
  await monitor.type(encoder.encode("\r"));
  assertEquals(
    shown,
    "\n(guestmem) info rcx\b \bu\nthe domain\n(guestmem) \n(guestmem) ",
  );
});
