/**
 * A script for the page that runs the example of a worker's death. Leaves its outcome in `data-deaths`.
 *
 * @module
 */

/// <reference lib="dom" />

import { outcome } from "../../examples/learn/deaths/main.ts";

document.body.dataset["deaths"] = JSON.stringify(outcome);
