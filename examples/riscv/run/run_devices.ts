/**
 * The device worker: it builds the machine, serves its devices and answers the monitor.
 *
 * @module
 */

import type { WorkerPort } from "../../lib/worker_port.ts";
import { freeBuffer } from "../boot/free_buffer.ts";
import type { GuestExit } from "../devices/test_finisher.ts";
import { DeviceBoard } from "./device_board.ts";
import { DevicesBySpec } from "./device_specs.ts";
import { mapText } from "./map_text.ts";
import type { DeviceCommand, DeviceMessage, DeviceOrder, DeviceQuestion } from "./messages.ts";

/** The device worker's end of its port: it is started with an order, and then takes commands. */
export type DevicePort = WorkerPort<DeviceMessage, DeviceOrder | DeviceCommand>;

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

/** Runs the devices in this worker until the machine stops. */
export async function runDevices(order: DeviceOrder, port: DevicePort): Promise<void> {
  const { shared, harts, memory, pieces, devices } = order;
  const say = (message: DeviceMessage) => port.post(message);
  /** What the serial port sent since it was last posted. */
  let output: number[] = [];
  const flush = () => {
    if (output.length === 0) return;
    say({ kind: "output", bytes: Uint8Array.from(output) });
    output = [];
  };
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
    freeBuffer(bytes.buffer);
  }
  const plugged = new DevicesBySpec(board.pci);
  for (const device of devices) plugged.plug(device);
  port.hear((message) => {
    const command = message as DeviceCommand;
    if (command.kind === "input") board.uart.receive(command.bytes);
    else if (command.kind === "end") board.loop.end();
    else say({ kind: "answer", text: answer(board, plugged, command.question) });
  });
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
