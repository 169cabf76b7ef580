// `npm run deploy:dry`: bundles the Worker, and the one that draws its pictures,
// as a deployment would, uploads nothing, and holds every size against the
// platform's limit. Ends with exit code 1 if one is over.
//
// Limits: Cloudflare's documentation as of 2026-11; check them before a launch.

import { globSync, statSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { unstable_readConfig as readConfig } from "wrangler";
import { measureScript } from "./script-size.ts";

const MIB = 2 ** 20;
const CONFIG = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
const PICTURES = fileURLToPath(
  new URL("../../workers/pictures/wrangler.toml", import.meta.url),
);

interface Row {
  readonly what: string;
  readonly is: number;
  readonly limit: number;
  readonly unit: "MiB" | "ms" | "";
}

/** What is looked at of wrangler's own reading of the file. */
const Config = v.object({
  name: v.string(),
  limits: v.optional(v.object({ cpu_ms: v.optional(v.number()) })),
  assets: v.object({ directory: v.string() }),
  queues: v.object({
    consumers: v.array(
      v.object({
        max_batch_size: v.optional(v.number(), 10),
        max_retries: v.optional(v.number(), 3),
      }),
    ),
  }),
  d1_databases: v.array(v.object({ database_id: v.optional(v.string()) })),
});

const config = v.parse(Config, readConfig({ config: CONFIG }));
const { consumers } = config.queues;
const { bytes, gzipBytes, parts } = await measureScript();
const pictures = await measureScript({ config: PICTURES });
const assets = globSync("**/*", {
  cwd: config.assets.directory,
  withFileTypes: true,
})
  .filter((entry) => entry.isFile())
  .map((entry) => statSync(`${entry.parentPath}/${entry.name}`).size);

const rows: readonly Row[] = [
  { what: "script, uncompressed", is: bytes, limit: 64 * MIB, unit: "MiB" },
  {
    what: "pictures' script",
    is: pictures.bytes,
    limit: 64 * MIB,
    unit: "MiB",
  },
  {
    what: "largest static asset",
    is: Math.max(0, ...assets),
    limit: 25 * MIB,
    unit: "MiB",
  },
  { what: "static assets", is: assets.length, limit: 20_000, unit: "" },
  {
    what: "CPU of one invocation",
    is: config.limits?.cpu_ms ?? 30_000,
    limit: 300_000,
    unit: "ms",
  },
  {
    what: "messages of a queue batch",
    is: Math.max(...consumers.map((one) => one.max_batch_size)),
    limit: 100,
    unit: "",
  },
  {
    what: "tries of a queue message",
    is: Math.max(...consumers.map((one) => one.max_retries)),
    limit: 100,
    unit: "",
  },
];

console.log(`Worker ${config.name} of ${dirname(CONFIG)}`);
console.log(
  `script compressed: ${show(gzipBytes, "MiB")} (no limit of its own)`,
);
for (const { what, is, limit, unit } of rows) {
  const verdict = is <= limit ? "ok" : "OVER";
  console.log(
    `${verdict.padEnd(5)}${what.padEnd(28)}${show(is, unit).padStart(12)} of ${show(limit, unit)}`,
  );
}
console.log("script by part, bytes:");
for (const [name, own] of parts) {
  console.log(
    `     ${name.padEnd(28)}${own.toLocaleString("en").padStart(12)}`,
  );
}
const placeholders = config.d1_databases.filter(({ database_id: id }) =>
  /^[0-]+$/u.test(id ?? ""),
);
if (placeholders.length > 0) {
  console.log(
    "note database_id is a placeholder; put yours into wrangler.toml (docs/deploy.md).",
  );
}
if (rows.some(({ is, limit }) => is > limit)) process.exitCode = 1;

function show(value: number, unit: Row["unit"]): string {
  if (unit === "MiB") return `${(value / MIB).toFixed(2)} MiB`;
  return unit === "" ? String(value) : `${value} ${unit}`;
}
