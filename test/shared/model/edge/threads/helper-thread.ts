// One helper of a team, in a thread of Node.

import { parentPort, workerData } from "node:worker_threads";
import {
  bindHelper,
  type HelperTask,
} from "../../../../../src/shared/model/edge/threads/team.ts";

const help = await bindHelper(workerData as HelperTask);
parentPort!.postMessage("bound");
help();
