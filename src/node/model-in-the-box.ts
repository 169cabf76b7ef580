// Where the model that comes with the package lies.

import { fileURLToPath } from "node:url";

/** Folder of the bundle that needs no download. */
export const MODEL_IN_THE_BOX = fileURLToPath(
  new URL("../../models/box/bundle/", import.meta.url),
);
