// npm run agreement: other precisions of one checkpoint against its fp32, on the
// test photos. Converts it to fp32 and to what is asked for, answers at fp32,
// replays and answers with the others, prints tables. A minute for each.
//   --checkpoint DIR     instead of models/box/checkpoint
//   --precision int8     what is compared; edge with --bits; int8 if left out
//   --bits BITS          for the kernels, as florence convert has it; may be given
//                        several times, each is a row
//   --group N, --calibrate FOLDER   as florence convert has them
//   --bundle DIR         a bundle of the same checkpoint that is there already
//   --all                on all test photos, not every eighth
//   --photos N           of these photos; all if left out
//   --watched N          photos on which layers are compared; 2 if left out, 0: none
//   --layers             errors of every layer, not of parts alone
//   --write              stores fp32's answers as the golden of the test

import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { openBundle } from "../node/open-bundle.ts";
import { comparedPhotos, writeAgreementGolden } from "./agreement-golden.ts";
import { AGREEMENT_HEAD, agreementRow, layerTable } from "./agreement-table.ts";
import { measureAgreement, readPhoto, referenceAnswers } from "./agreement.ts";
import { type LayerError, measureLayers } from "./layer-errors.ts";
import { readPhotos } from "./photo-set.ts";

const PHOTOS = "test/data/photos";
const GOLDEN = "test/evaluate/vectors/agreement.json";

const { values } = parseArgs({
  options: {
    checkpoint: { type: "string", default: "models/box/checkpoint" },
    precision: { type: "string" },
    bits: { type: "string", multiple: true, default: [] },
    group: { type: "string" },
    calibrate: { type: "string" },
    bundle: { type: "string", multiple: true, default: [] },
    all: { type: "boolean", default: false },
    photos: { type: "string" },
    watched: { type: "string", default: "2" },
    layers: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

const watchedPhotos = Number(values.watched);
if (values.all && values.write) {
  throw new Error("--write stores the answers of every eighth photo: leave --all out."); // prettier-ignore
}

/** A row of the table. */
interface Compared {
  readonly name: string;
  /** Flags of `florence convert`, or the folder of a bundle. */
  readonly made: readonly string[] | string;
}

/** The bundle for the kernels in f32, once it was asked for. */
let exactPath: string | undefined;
const folder = await mkdtemp(join(tmpdir(), "florence-agreement-"));
try {
  await compareAll();
} finally {
  await rm(folder, { recursive: true });
}

async function compareAll(): Promise<void> {
  const codecs = await loadImageCodecs();
  const everyPhoto = await readPhotos(PHOTOS);
  const all = values.all ? everyPhoto : comparedPhotos(everyPhoto);
  const photos = spread(all, Number(values.photos ?? all.length));
  const fp32 = await openBundle(convert("fp32", ["--precision", "fp32"]));
  const references = await referenceAnswers(fp32, codecs, PHOTOS, photos);
  const { id, revision } = fp32.manifest;
  await fp32.model.dispose();
  if (values.write) {
    await writeAgreementGolden(GOLDEN, { model: { id, revision }, references });
    console.log(`${GOLDEN}: ${String(references.length)} photos, ${revision}`);
  }

  const errors: (readonly [string, readonly LayerError[]])[] = [];
  console.log(
    `against fp32 of ${values.checkpoint}, ${String(photos.length)} photos\n`,
  );
  console.log(AGREEMENT_HEAD);
  for (const [index, { name, made }] of comparedBundles().entries()) {
    const path = typeof made === "string" ? made : convert(`${index}`, made);
    const loaded = await openBundle(path);
    const agreements = await measureAgreement(
      ...([loaded, codecs, PHOTOS, photos, references] as const),
    );
    const { device } = loaded.model.capabilities;
    console.log(agreementRow(`${name}, ${device}`, agreements));
    const isForKernels = loaded.manifest.layout === "edge";
    await loaded.model.dispose();
    if (!isForKernels || name === "32" || watchedPhotos === 0) continue;
    const watched = spread(references, watchedPhotos);
    const pictures = await Promise.all(
      spread(photos, watchedPhotos).map((photo) =>
        readPhoto(codecs, PHOTOS, photo),
      ),
    );
    errors.push([name, await measureLayers(exact(), path, pictures, watched)]);
  }
  for (const [name, layers] of errors) {
    console.log(
      `\nerrors of layers' results, ${name}, ${watchedPhotos} photos:\n`,
    );
    console.log(layerTable(layers, values.layers));
  }
}

/** What the flags ask for. */
function comparedBundles(): readonly Compared[] {
  const calibrate =
    values.calibrate === undefined ? [] : ["--calibrate", values.calibrate];
  const group = values.group === undefined ? [] : ["--group", values.group];
  const isEdge = values.precision === "edge" || values.bits.length > 0;
  const edge = ["--precision", "edge", ...group, ...calibrate];
  const bits = values.bits.map((one) => ({
    name: one,
    made: [...edge, "--bits", one],
  }));
  const bundles = values.bundle.map((made) => ({ name: made, made }));
  if (bits.length > 0 || bundles.length > 0) return [...bits, ...bundles];
  const precision = values.precision ?? "int8";
  const made = isEdge ? edge : ["--precision", precision];
  return [{ name: precision, made }];
}

function exact(): string {
  exactPath ??= convert("exact", ["--precision", "edge", "--bits", "32"]);
  return exactPath;
}

function convert(name: string, flags: readonly string[]): string {
  const out = join(folder, name);
  const { status } = spawnSync(
    process.execPath,
    ["src/cli/florence.js", "convert", values.checkpoint, "--out", out, ...flags], // prettier-ignore
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  if (status !== 0) throw new Error(`florence convert ${flags.join(" ")}`);
  return out;
}

/** So many of a list, evenly. */
function spread<Item>(items: readonly Item[], count: number): readonly Item[] {
  const step = Math.max(1, items.length / count);
  return items.filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step)); // prettier-ignore
}
