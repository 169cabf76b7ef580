// The HTTP contract in workerd, over the product's Worker that asks for keys.

import { runHttpContract } from "../contract/http/run-contract.ts";
import { startWorkerdTarget } from "./workerd-target.ts";

await runHttpContract(() => startWorkerdTarget({}, { hasPictures: true }));
