/// <reference lib="deno.worker" />

import type { GuestExit } from "../devices/test_finisher.ts";
import { DeviceBoard } from "./device_board.ts";
import { DevicesBySpec } from "./device_specs.ts";
import { mapText } from "./map_text.ts";
import type { DeviceCommand, DeviceMessage, DeviceOrder, DeviceQuestion } from "./messages.ts";

const say = (message: DeviceMessage) => self.postMessage(message);

/** What the serial port sent since it was last posted. */
let output: number[] = [];

function flush(): void {
  if (output.length === 0) return;
  say({ kind: "output", bytes: Uint8Array.from(output) });
  output = [];
}

/** Does what the monitor asks for. */
function answer(board: DeviceBoard, plugged: DevicesBySpec, question: DeviceQuestion): string {
  try {
    if (question.kind === "map") return mapText(board.machine, question.map);
    if (question.kind === "plug") plugged.plug(question.device);
    else plugged.unplug(question.id);
    return "";
  } catch (error) {
    return `Error: ${(error as Error).message}`;
  }
}

async function run({ shared, harts, memory, pieces, devices }: DeviceOrder): Promise<void> {
  const finish = (exit: GuestExit) => {
    flush();
    for (const control of board.controls) control.stop();
    say({ kind: "exit", exit });
  };
  const board = new DeviceBoard(shared, harts, memory, {
    transmit: (byte) => void output.push(byte),
    finish,
  });
  for (const { address, bytes } of pieces) {
    board.load(address, bytes);
    bytes.buffer.transfer(0); // frees it now, and not when this worker next collects garbage
  }
  const plugged = new DevicesBySpec(board.pci);
  for (const device of devices) plugged.plug(device);
  self.onmessage = ({ data }: MessageEvent<DeviceCommand>) => {
    if (data.kind === "input") board.uart.receive(data.bytes);
    else if (data.kind === "end") board.loop.end();
    else say({ kind: "answer", text: answer(board, plugged, data.question) });
  };
  board.clock.start();
  say({
    kind: "ready",
    machine: {
      vm: board.vm.handle,
      hartMemories: board.machine.hartMemories.map(({ handle }) => handle),
      hartAreas: board.hartAreas,
      inPlace: board.inPlace,
    },
  });
  await board.loop.run(flush);
  flush();
  plugged.close();
  board.close();
  say({ kind: "ended", served: board.loop.served });
}

self.onmessage = async ({ data }: MessageEvent<DeviceOrder>) => {
  try {
    await run(data);
    self.close();
  } catch (error) {
    // The supervisor evicts this worker, which holds on to what it held, and terminates it.
    const reason = error instanceof Error ? error.stack ?? error.message : String(error);
    say({ kind: "failed", reason });
  }
};
