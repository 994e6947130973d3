import { assertEquals } from "@std/assert";
import { Uart } from "./uart.ts";

const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7];

function create() {
  const sent: number[] = [];
  const edges: boolean[] = [];
  const uart = new Uart({
    transmit: (byte) => void sent.push(byte),
    setLine: (isUp) => void edges.push(isUp),
  });
  return {
    ...{ uart, sent, edges },
    read: (register: number) => Number(uart.ops.read!(register, 1, {})),
    write: (register: number, value: number) => uart.ops.write!(register, value, 1, {}, 0),
  };
}

function text(...characters: string[]): Uint8Array {
  return new TextEncoder().encode(characters.join(""));
}

Deno.test("bytes are sent at once, and the transmitter is always empty", () => {
  const it = create();
  it.write(DATA, 0x41);
  assertEquals([it.sent, it.read(LSR)], [[0x41], 0x60]);
});

Deno.test("the empty transmitter interrupts when enabled and after each byte, until IIR is read", () => {
  const it = create();
  it.write(IER, 2);
  assertEquals(it.edges, [true]);
  assertEquals([it.read(IIR), it.read(IIR)], [2, 1]);
  it.write(DATA, 0x41);
  assertEquals(it.edges, [true, false, true]);
  assertEquals(it.read(IIR), 2);
  it.write(IER, 0);
  assertEquals(it.edges, [true, false, true, false]); // by the reading; then nothing is due
});

Deno.test("received bytes wait in the FIFO, and more wait outside it", () => {
  const it = create();
  it.write(2, 0x81); // FIFO on, trigger at 8
  it.write(IER, 1);
  it.uart.receive(text("a".repeat(20)));
  assertEquals([[...it.edges], it.read(IIR), it.read(LSR)], [[true], 0xc4, 0x61]);
  const bytes: number[] = [];
  while (it.read(LSR) & 1) bytes.push(it.read(DATA));
  assertEquals([bytes.length, it.edges, it.read(IIR)], [20, [true, false], 0xc1]);
});

Deno.test("fewer bytes than the trigger are the time-out's", () => {
  const it = create();
  it.write(2, 0x81);
  it.write(IER, 1);
  it.uart.receive(text("ab"));
  assertEquals([it.read(IIR), it.read(DATA), it.read(DATA), it.read(IIR)], [0xcc, 97, 98, 0xc1]);
});

Deno.test("without the FIFO, one byte waits", () => {
  const it = create();
  it.write(IER, 1);
  it.uart.receive(text("ab"));
  assertEquals([it.read(IIR), it.read(DATA), it.read(DATA), it.read(LSR)], [4, 97, 98, 0x60]);
});

Deno.test("clearing the FIFO drops what is in it", () => {
  const it = create();
  it.write(2, 1);
  it.uart.receive(text("ab"));
  it.write(2, 3);
  assertEquals(it.read(LSR), 0x60);
});

Deno.test("the divisor lies behind DLAB, and other registers hold what is written", () => {
  const it = create();
  it.write(LCR, 0x83);
  it.write(DATA, 0x34);
  it.write(IER, 0x12);
  assertEquals([it.read(DATA), it.read(IER), it.sent], [0x34, 0x12, []]);
  it.write(LCR, 0x03);
  it.write(SCR, 0x5a);
  it.write(MCR, 0xff);
  assertEquals([it.read(IER), it.read(LCR), it.read(SCR), it.read(MCR)], [0, 3, 0x5a, 0x1f]);
});

Deno.test("in loopback, what is sent is received, and MSR shows MCR", () => {
  const it = create();
  it.write(MCR, 0x1a); // loop, OUT2, RTS: as Linux probes
  it.write(DATA, 0x55);
  assertEquals([it.read(MSR), it.read(DATA), it.sent], [0x90, 0x55, []]);
  it.write(DATA, 1);
  it.write(DATA, 2); // no room
  assertEquals([it.read(LSR) & 2, it.read(LSR) & 2], [2, 0]);
  it.write(MCR, 0);
  assertEquals(it.read(MSR), 0xb0);
});
