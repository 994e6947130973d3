/// <reference lib="deno.worker" />
/** A worker of a soak in Deno or in a browser. */

import { Churn } from "./churn.ts";

self.onmessage = async ({ data }) => {
  const churn = new Churn(data, () => self.close());
  await churn.run().catch((error) => churn.report(error));
};
