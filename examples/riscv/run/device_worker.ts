/// <reference lib="deno.worker" />

import type { GuestExit } from "../devices/test_finisher.ts";
import { DeviceBoard } from "./device_board.ts";
import { serveDevices } from "./device_loop.ts";
import { mapText } from "./map_text.ts";
import type { DeviceCommand, DeviceMessage, DeviceOrder } from "./messages.ts";

const say = (message: DeviceMessage) => self.postMessage(message);

/** What the serial port sent since it was last posted. */
let output: number[] = [];

function flush(): void {
  if (output.length === 0) return;
  say({ kind: "output", bytes: Uint8Array.from(output) });
  output = [];
}

async function run({ shared, harts, memory, pieces }: DeviceOrder): Promise<void> {
  const finish = (exit: GuestExit) => {
    flush();
    for (const control of board.controls) control.stop();
    say({ kind: "exit", exit });
  };
  const board = new DeviceBoard(shared, harts, memory, {
    transmit: (byte) => void output.push(byte),
    finish,
  });
  for (const { address, bytes } of pieces) board.load(address, bytes);
  let isEnded = false;
  self.onmessage = ({ data }: MessageEvent<DeviceCommand>) => {
    if (data.kind === "input") board.uart.receive(data.bytes);
    else if (data.kind === "end") isEnded = true;
    else say({ kind: "map", text: mapText(board.machine, data.question) });
  };
  board.clock.start();
  say({
    kind: "ready",
    machine: {
      hartMemories: board.machine.hartMemories.map(({ handle }) => handle),
      hartAreas: board.hartAreas,
      inPlace: board.inPlace,
    },
  });
  const served = await serveDevices(board, () => isEnded, flush);
  flush();
  board.close();
  say({ kind: "ended", served });
}

self.onmessage = async ({ data }: MessageEvent<DeviceOrder>) => {
  try {
    await run(data);
  } catch (error) {
    const reason = error instanceof Error ? error.stack ?? error.message : String(error);
    say({ kind: "failed", reason });
  }
  self.close();
};
