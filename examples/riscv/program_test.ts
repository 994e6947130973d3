import { assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "../lib/command_line/run_program.ts";
import { type Host, RISCV } from "./program.ts";
import { WEB_WORKERS } from "./run/workers_web.ts";

interface Outcome {
  readonly status: number;
  readonly printed: string;
  readonly complaints: readonly string[];
  readonly text: string;
}

/** Code that prints "hi" and powers off: a firmware. */
const HELLO = [
  ...[0x100002b7, 0x06800313, 0x00628023, 0x06900313, 0x00628023], // lui t0; li t1; sb t1, (t0)
  ...[0x001002b7, 0x00005337, 0x5553031b, 0x0062a023, 0x0000006f], // the test finisher
];

/** Runs the program on files in memory. */
async function run(words: string[], files: Record<string, Uint8Array> = {}): Promise<Outcome> {
  let [printed, text] = ["", ""];
  const complaints: string[] = [];
  const host: Host = {
    workers: WEB_WORKERS,
    readFile: (name) => {
      const file = files[name];
      if (file === undefined) return Promise.reject(new Error("no such file"));
      return Promise.resolve(new Uint8Array(file));
    },
    terminal: { write: (bytes) => void (text += new TextDecoder().decode(bytes)) },
    typed: (async function* () {})(),
    setRaw: () => {},
    out: (one) => void (printed += one),
    err: (line) => void complaints.push(line),
  };
  return { status: await runProgram(RISCV, words, host), printed, complaints, text };
}

Deno.test("what is wrong is one line and status 2", async () => {
  const files = { fw: new Uint8Array(100), bad: new Uint8Array(100) };
  const refuse = async (words: string[], message: RegExp) => {
    const { status, complaints } = await run(words, files);
    assertEquals([status, complaints.length], [2, 1]);
    assertMatch(complaints[0]!, message);
  };
  await refuse([], /^Cannot run without --firmware: .*\. Try --help\.$/);
  await refuse(["--speed", "3"], /there is no such option/);
  await refuse(["--firmware", "fw", "--harts", "9"], /an integer from 1 to 8/);
  await refuse(["--firmware", "fw", "--memory", "much"], /a size such as 512M or 2G/);
  await refuse(["--firmware", "fw", "--initrd", "x"], /they need --kernel/);
  await refuse(["--images", "none"], /^Cannot read the firmware none\/fw_dynamic.bin/);
  await refuse(["--firmware", "none"], /^Cannot read the firmware none: no such file/);
  await refuse(["--firmware", "fw", "--kernel", "bad"], /^Cannot boot the kernel bad/);
  await refuse(["--firmware", "fw", "--memory", "16M"], /64 MiB are the least/);
  await refuse(["--firmware", "fw", "--memory", "8G"], /^Cannot boot with 8192 MiB .*are the most/);
});

Deno.test("help is printed", async () => {
  const { status, printed } = await run(["--help"]);
  assertEquals(status, 0);
  assertMatch(printed, /--firmware FILE/);
});

Deno.test("a firmware runs, and the report says how", async () => {
  const fw = new Uint8Array(Uint32Array.from(HELLO).buffer);
  const outcome = await run(["--firmware", "fw", "--memory", "64", "--json"], { fw });
  assertEquals([outcome.status, outcome.text, outcome.complaints], [0, "hi", []]);
  const report = JSON.parse(outcome.printed);
  assertEquals([report.exit.kind, report.harts.length], ["power-off", 1]);
});
