// Makes the table of operations in the n8n package's README anew.
//
//   node test/n8n/make-readme-table.ts

import { readFileSync, writeFileSync } from "node:fs";
import { withTable } from "./readme-table.ts";

const README = new URL("../../plugins/n8n/README.md", import.meta.url);

writeFileSync(README, await withTable(readFileSync(README, "utf8")));
