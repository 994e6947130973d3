/**
 * Where a virtio device's windows are in its BAR, and the capabilities that say so.
 *
 * @module
 */

import type { ConfigurationSpace } from "../pci/configuration_space.ts";

/** The windows of BAR 4, one page each: virtio's type of each, by name. */
export const WINDOWS = [["common", 1], ["isr", 3], ["device", 4], ["notify", 2]] as const;
export const WINDOW_BYTES = 0x1000;
/** The BAR that shows the windows. */
export const WINDOW_BAR = 4;
/** The capability of accesses to the windows through the configuration: its registers. */
export const ACCESS = {
  capability: 0x84,
  bar: 0x88,
  offset: 0x8c,
  length: 0x90,
  data: 0x94,
} as const;
/** Where each queue is notified, in the window of notifications. */
export const NOTIFY_BYTES = 4;

/** Virtio's capabilities: where each window is, and a window onto the BARs through the configuration. */
export function addCapabilities(configuration: ConfigurationSpace): void {
  const VENDOR_SPECIFIC = 9;
  WINDOWS.forEach(([name, type], index) => {
    const bytes = new DataView(new ArrayBuffer(name === "notify" ? 18 : 14));
    bytes.setUint8(0, bytes.byteLength + 2);
    bytes.setUint8(1, type);
    bytes.setUint8(2, WINDOW_BAR);
    bytes.setUint32(6, index * WINDOW_BYTES, true);
    bytes.setUint32(10, WINDOW_BYTES, true);
    if (name === "notify") bytes.setUint32(14, NOTIFY_BYTES, true);
    configuration.addCapability(0x40 + index * 0x10, VENDOR_SPECIFIC, new Uint8Array(bytes.buffer));
  });
  const access = new Uint8Array(18);
  access[0] = 20;
  access[1] = 5;
  configuration.addCapability(ACCESS.capability, VENDOR_SPECIFIC, access);
  configuration.allow32(ACCESS.bar, 0xff);
  for (const register of [ACCESS.offset, ACCESS.length, ACCESS.data]) {
    configuration.allow32(register, -1);
  }
}
