// The HTTP contract on Node, over one `florence serve` that asks for keys.

import { runHttpContract } from "../contract/http/run-contract.ts";
import { startNodeTarget } from "./node-target.ts";

await runHttpContract(() => startNodeTarget());
