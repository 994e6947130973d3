/// <reference lib="deno.worker" />
/** A worker of a soak in Deno or in a browser. */

import { Churn } from "./churn.ts";

self.onmessage = ({ data }) => {
  const churn = new Churn(data, () => self.close());
  self.addEventListener("error", (event) => churn.report(event.error));
  self.addEventListener("unhandledrejection", (event) => churn.report(event.reason));
  churn.run();
};
