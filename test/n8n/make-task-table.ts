// Makes the n8n node's table of tasks of the service's own.
//
//   node test/n8n/make-task-table.ts

import { writeFileSync } from "node:fs";
import { taskTable } from "./task-fields.ts";

const FILE = "../../plugins/n8n/nodes/Florence/task-table.ts";

writeFileSync(new URL(FILE, import.meta.url), await taskTable());
