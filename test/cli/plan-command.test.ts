import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { unstable_readConfig as readConfig } from "wrangler";
import { edgeBundle } from "../shared/model/edge/open-golden.ts";
import { runFlorence } from "./run-florence.ts";

interface WorkerConfig {
  readonly name: string;
  readonly main: string;
  readonly vars: Readonly<Record<string, unknown>>;
}

const bundle = await edgeBundle("tiny-native", "int8");
const folder = mkdtempSync(join(tmpdir(), "florence-plan-"));
after(() => {
  rmSync(folder, { recursive: true });
});

interface Isolate {
  readonly name: string;
  readonly totalBytes: number;
  readonly segments: readonly string[];
}

test("prints what each isolate takes, as a table", async () => {
  const { code, stdout } = await runFlorence(["plan", bundle], { isTTY: true });
  equal(code, 0);
  match(
    stdout,
    /resident: \d+ Workers\n +MB +weights +work +cache +code +image +total +CPU-ms/u,
  );
  match(stdout, /phased: one Worker, fits/u);
  match(
    stdout,
    /GMAC\/s for many rows .* measured here just now \((dot|pair|plain) kernels\)/u,
  );
});

test("keeps to the budget it is given", async () => {
  const { stdout } = await runFlorence([
    "plan",
    bundle,
    "--budget",
    "36MB",
    "--input-size",
    "384",
  ]);
  const { resident } = JSON.parse(stdout) as { readonly resident: Isolate[] };
  ok(resident.length > 2);
  for (const { name, totalBytes } of resident) {
    ok(totalBytes <= 36e6, `${name}: ${totalBytes}`);
  }
});

test("says which part fits nowhere", async () => {
  const { code, stderr } = await runFlorence([
    "plan",
    bundle,
    "--budget",
    "5MB",
  ]);
  equal(code, 2);
  match(stderr, /needs \d+\.\d MB in an isolate of its own/u);
});

test("refuses a budget and a size it does not know", async () => {
  const budget = await runFlorence(["plan", bundle, "--budget", "much"]);
  match(budget.stderr, /--budget takes 110MB or 105MiB, not "much"/u);
  const size = await runFlorence(["plan", bundle, "--input-size", "700"]);
  match(size.stderr, /--input-size takes 768, 512 or 384/u);
});

test("writes Workers that wrangler reads, each with its own weights", async () => {
  const out = join(folder, "workers");
  const asked = ["plan", bundle, "--input-size", "384", "--write", out];
  const { stdout, stderr } = await runFlorence(asked);
  equal(stderr, "");
  const { resident } = JSON.parse(stdout) as { readonly resident: Isolate[] };
  deepEqual(readdirSync(out).sort(), resident.map(({ name }) => name).sort());
  const weights = new Set<string>();
  for (const { name, segments } of resident) {
    const config = readConfig({
      config: join(out, name, "wrangler.toml"),
    }) as WorkerConfig;
    equal(config.name, `florence-${name}`);
    ok(existsSync(config.main), config.main);
    const assets = readdirSync(join(out, name, "assets"));
    ok(assets.includes("edge.json"));
    if (name === "image") continue;
    deepEqual(config.vars["SEGMENTS"], segments);
    for (const file of assets.filter((one) => one.endsWith(".bin"))) {
      ok(!weights.has(file), `${file} is in two Workers`);
      weights.add(file);
    }
  }
  const { weights: all } = JSON.parse(
    readFileSync(join(bundle, "edge.json"), "utf8"),
  ) as { readonly weights: readonly unknown[] };
  equal(weights.size, all.length);
});
