/**
 * The page. It is the control context of the portable example, and shows its report.
 *
 * @module
 */

/// <reference lib="dom" />

import { problemsOf, type Report, runControl } from "./control.ts";
import type { VcpuReport } from "./vcpu.ts";
import { ask } from "../lib/workers.ts";

const element = (id: string): HTMLElement => document.getElementById(id)!;

function show(state: "passed" | "failed", text: string): void {
  element("status").textContent = text;
  document.body.dataset["state"] = state;
}

function showReport({ versions, views, vcpus }: Report): void {
  for (const [index, vcpu] of vcpus.entries()) {
    const row = document.createElement("tr");
    for (const text of [index, vcpu.sections, vcpu.configs, vcpu.tornConfigs, vcpu.tornMaps]) {
      row.append(Object.assign(document.createElement("td"), { textContent: String(text) }));
    }
    element("vcpus").append(row);
  }
  document.querySelector("table")!.hidden = false;
  show(
    "passed",
    `Passed: ${versions} configurations, ${views.built} flat views, of which ${views.freed} are freed.`,
  );
}

try {
  const worker = new URL("./vcpu.js", import.meta.url);
  const report = await runControl((data) => ask<VcpuReport>(worker, data));
  const problems = problemsOf(report);
  if (problems.length === 0) showReport(report);
  else show("failed", problems.join("; "));
} catch (error) {
  // Without cross-origin isolation, an RcuError that says what to do.
  show("failed", String(error));
}
