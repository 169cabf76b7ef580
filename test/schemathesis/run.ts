// Runs schemathesis with every check on against the service, on Node and in
// workerd, and ends with one line for each.
//
//   pip install schemathesis && npm run test:schemathesis [-- node|workerd]
//
// `SCHEMATHESIS` names its command if that is not `st`; what stands after `--`
// goes to it.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import type { HttpTarget } from "../contract/http/http-case.ts";
import { startNodeTarget } from "../server/node-target.ts";
import { startWorkerdTarget } from "../workerd/workerd-target.ts";

type Target = HttpTarget & { close(): Promise<void> };

const STARTS: Readonly<Record<string, () => Promise<Target>>> = {
  node: () => startNodeTarget(),
  workerd: () => startWorkerdTarget(),
};

const CONFIG = fileURLToPath(new URL("schemathesis.toml", import.meta.url));
const ST = process.env["SCHEMATHESIS"] ?? "st";

const given = process.argv.slice(2);
const chosen = given.filter((word) => word in STARTS);
const more = given.filter((word) => !(word in STARTS));

let isGood = true;
for (const name of chosen.length > 0 ? chosen : Object.keys(STARTS)) {
  const target = await STARTS[name]!();
  try {
    const { status } = spawnSync(
      ST,
      [
        "--config-file",
        CONFIG,
        "run",
        `${target.origin}/openapi.json`,
        "--origin",
        target.origin,
        "--checks",
        "all",
        ...more,
      ],
      {
        stdio: "inherit",
        env: {
          ...process.env,
          FLORENCE_KEY: target.keys.first,
          FLORENCE_ADMIN_KEY: target.keys.admin,
        },
      },
    );
    if (status === null) {
      throw new Error(
        `${ST} cannot be run. Install it: pip install schemathesis, or name it in SCHEMATHESIS.`,
      );
    }
    console.log(`${name}: ${status === 0 ? "0 failures" : "failures"}`);
    isGood &&= status === 0;
  } finally {
    await target.close();
  }
}
process.exitCode = isGood ? 0 : 1;
