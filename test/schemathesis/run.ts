// Runs schemathesis with every check of its configuration against the service, on Node and in
// workerd, and ends with one line for each.
//
//   pip install schemathesis
//   npm run test:schemathesis [-- node|workerd] [-- --max-examples 100]
//
// `SCHEMATHESIS` names its command if that is not `st`; options go to it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { HttpTarget } from "../contract/http/http-case.ts";
import { startNodeTarget } from "../server/node-target.ts";
import { startWorkerdTarget } from "../workerd/workerd-target.ts";

type Target = HttpTarget & { close(): Promise<void> };

const STARTS: Readonly<Record<string, () => Promise<Target>>> = {
  node: () => startNodeTarget(),
  workerd: () => startWorkerdTarget({}, { hasPictures: true }),
};

const CONFIG = fileURLToPath(new URL("schemathesis.toml", import.meta.url));
const ST = process.env["SCHEMATHESIS"] ?? "st";

const given = process.argv.slice(2);
const chosen = given.filter((word) => word in STARTS);
const options = given.filter((word) => !(word in STARTS));

for (const name of chosen.length > 0 ? chosen : Object.keys(STARTS)) {
  const target = await STARTS[name]!();
  try {
    const { first, admin } = target.keys;
    // Keys are the business of whoever runs the service; and a run that may
    // revoke keys must not use one of them for the rest.
    const runs = [
      await check(target.origin, first, ["--exclude-tag", "Keys"]),
      await check(target.origin, admin, ["--include-tag", "Keys"]),
    ];
    const isGood = runs.every((isPassed) => isPassed);
    console.log(`${name}: ${isGood ? "0 failures" : "failures, see above"}`);
    if (!isGood) process.exitCode = 1;
  } finally {
    await target.close();
  }
}

/**
 * Whether a run with one key finds nothing. This process goes on meanwhile: it
 * takes what the Worker logs, and a Worker whose log nobody takes stands still.
 */
async function check(
  origin: string,
  key: string,
  selection: readonly string[],
): Promise<boolean> {
  const run = spawn(
    ST,
    [
      ...["--config-file", CONFIG, "run", `${origin}/openapi.json`],
      ...["--origin", origin],
      ...selection,
      ...options,
    ],
    { stdio: "inherit", env: { ...process.env, FLORENCE_KEY: key } },
  );
  try {
    const [code] = (await once(run, "close")) as [number | null];
    return code === 0;
  } catch (cause) {
    throw new Error(
      `${ST} cannot be run. Install it (pip install schemathesis), or name it in SCHEMATHESIS.`,
      { cause },
    );
  }
}
