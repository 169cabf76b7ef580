// Makes `src/schemas.ts` of the service's own schemas.
//
//   node packages/client/make-types.ts

import { writeFileSync } from "node:fs";
import { clientTypes } from "./client-types.ts";

writeFileSync(new URL("src/schemas.ts", import.meta.url), await clientTypes());
