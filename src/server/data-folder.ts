// The folder in which the service on this machine keeps everything; whoever
// opens it finds the same files.

import { join } from "node:path";

/** Where it is, below the working folder, unless another is named. */
export const DEFAULT_DATA_FOLDER = "florence-data";

/** The database of a data folder. */
export function databaseFile(dataFolder: string): string {
  return join(dataFolder, "florence.sqlite");
}
