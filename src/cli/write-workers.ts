// Folders of Workers for a planned split: a wrangler file each, and the files of
// the bundle that it needs as its static assets.

import { copyFile, link, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleFolder } from "../node/bundle-folder.ts";
import type { EdgePlan } from "../shared/model/edge/edge-plan.ts";
import { segmentsOf } from "../shared/model/edge/segments.ts";
import type { IsolatePlan, Split } from "../shared/model/edge/split.ts";
import { readManifest } from "../shared/model/open-model.ts";

const WORKERS = fileURLToPath(new URL("../../workers/", import.meta.url));
const DATE = "2026-10-01";

/**
 * Writes `DIR/NAME/wrangler.toml` and `DIR/NAME/assets` for each Worker of the
 * resident way; those of the same names are replaced.
 */
export async function writeWorkers(
  bundle: string,
  directory: string,
  plan: EdgePlan,
  { resident }: Split,
  inputSizes: readonly number[],
): Promise<void> {
  const [image, ...parts] = resident;
  const manifest = await readManifest(bundleFolder(bundle));
  const files = new Map(
    segmentsOf(plan).map(({ name, files: own }) => [
      name,
      own.map(({ file }) => file),
    ]),
  );
  const write = async (
    { name }: IsolatePlan,
    assets: readonly string[],
    toml: (main: (file: string) => string) => string,
  ): Promise<void> => {
    const folder = join(directory, name);
    await rm(join(folder, "assets"), { recursive: true, force: true });
    for (const file of assets) {
      await place(join(bundle, file), join(folder, "assets", file));
    }
    const main = (file: string): string =>
      relative(resolve(folder), join(WORKERS, file)).replaceAll("\\", "/");
    await writeFile(join(folder, "wrangler.toml"), toml(main));
  };
  await write(
    image!,
    ["manifest.json", "edge.json", ...manifest.tokenizer],
    (main) => imageToml(main("resident/index.ts"), parts),
  );
  for (const part of parts) {
    const own = part.segments.flatMap((segment) => files.get(segment) ?? []);
    await write(part, ["edge.json", ...own], (main) =>
      partToml(main("resident/part.ts"), part, inputSizes),
    );
  }
}

/** What a part's Worker is called. */
function workerName({ name }: IsolatePlan): string {
  return `florence-${name}`;
}

/** What it is called where it is bound to. */
function bindingName({ name }: IsolatePlan): string {
  return name.toUpperCase().replaceAll("-", "_");
}

/** A link where the file system has them: weights are large. */
async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await link(from, to);
  } catch {
    // Another disk, or no links there.
    await copyFile(from, to);
  }
}

function partToml(
  main: string,
  part: IsolatePlan,
  inputSizes: readonly number[],
): string {
  return `# Written by florence plan: ${part.segments[0] ?? ""} to ${part.segments.at(-1) ?? ""},
# ${(part.totalBytes / 1e6).toFixed(1)} MB at its peak. No requests from outside reach it.
name = "${workerName(part)}"
main = "${main}"
compatibility_date = "${DATE}"
minify = true
workers_dev = false
preview_urls = false
send_metrics = false

[limits]
cpu_ms = 300_000

[assets]
directory = "assets"
binding = "ASSETS"
run_worker_first = true

[vars]
SEGMENTS = ${JSON.stringify(part.segments)}
INPUT_SIZES = ${JSON.stringify(inputSizes)}
`;
}

function imageToml(main: string, parts: readonly IsolatePlan[]): string {
  const named = (segment: string): string[] =>
    parts
      .filter(({ segments }) => segments.some((one) => one.startsWith(segment)))
      .map(bindingName);
  const services = parts.map(
    (part) => `[[services]]
binding = "${bindingName(part)}"
service = "${workerName(part)}"
`,
  );
  return `# Written by florence plan: the Worker that is asked. Deploy the others first, all
# of one plan together.
name = "florence-image"
main = "${main}"
compatibility_date = "${DATE}"
compatibility_flags = ["enable_request_signal"]
minify = true
send_metrics = false

[limits]
cpu_ms = 300_000

[assets]
directory = "assets"
binding = "ASSETS"
run_worker_first = true

[vars.PARTS]
vision = ${JSON.stringify(named("vision."))}
encoder = "${named("encoder.")[0] ?? ""}"
decoder = "${named("decoder")[0] ?? ""}"

${services.join("\n")}
# What follows is explained in the wrangler.toml of the edge Worker.
[[d1_databases]]
binding = "DATABASE"
database_name = "florence"
database_id = "00000000-0000-0000-0000-000000000000"

[[r2_buckets]]
binding = "STORE"
bucket_name = "florence-store"

[[r2_buckets]]
binding = "BUCKET"
bucket_name = "florence-bucket"

[[queues.producers]]
binding = "WORK"
queue = "florence-image-work"

[[queues.consumers]]
queue = "florence-image-work"
max_batch_size = 1
max_batch_timeout = 1
max_retries = 4
dead_letter_queue = "florence-image-work-dead"

[triggers]
crons = ["* * * * *"]

[observability]
enabled = true
`;
}
