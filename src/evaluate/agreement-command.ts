// npm run agreement: int8 against fp32 of one checkpoint. Converts it to both,
// answers at fp32, replays at int8, prints. Half a minute on two cores.
//   --checkpoint DIR   instead of models/box/checkpoint
//   --write            stores fp32's answers as the golden of the test

import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { openBundle } from "../node/open-bundle.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import { comparedPhotos, writeAgreementGolden } from "./agreement-golden.ts";
import {
  describeAgreement,
  measureAgreement,
  referenceAnswers,
} from "./agreement.ts";
import { readPhotos } from "./photo-set.ts";

const PHOTOS = "test/data/photos";
const GOLDEN = "test/evaluate/vectors/agreement.json";

const { values } = parseArgs({
  options: {
    checkpoint: { type: "string", default: "models/box/checkpoint" },
    write: { type: "boolean", default: false },
  },
});

const folder = await mkdtemp(join(tmpdir(), "florence-agreement-"));
try {
  const codecs = await loadImageCodecs();
  const photos = comparedPhotos(await readPhotos(PHOTOS));

  const fp32 = await openConverted("fp32");
  const references = await referenceAnswers(fp32, codecs, PHOTOS, photos);
  const { id, revision } = fp32.manifest;
  await fp32.model.dispose();
  if (values.write) {
    await writeAgreementGolden(GOLDEN, { model: { id, revision }, references });
    console.log(`${GOLDEN}: ${String(references.length)} photos, ${revision}`);
  }

  const int8 = await openConverted("int8");
  const agreements = await measureAgreement(
    int8,
    codecs,
    PHOTOS,
    photos,
    references,
  );
  console.log(`int8 against fp32 of ${values.checkpoint}`);
  console.log(`the whole model: ${describeAgreement(agreements.whole)}`);
  if (agreements.text !== null) {
    console.log(
      `the text part, over fp32's hints: ${describeAgreement(agreements.text)}`,
    );
  }
  await int8.model.dispose();
} finally {
  await rm(folder, { recursive: true });
}

async function openConverted(precision: "fp32" | "int8"): Promise<LoadedModel> {
  const out = join(folder, precision);
  const { status } = spawnSync(
    process.execPath,
    ["src/cli/florence.js", "convert", values.checkpoint, "--out", out, "--precision", precision], // prettier-ignore
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  if (status !== 0) throw new Error(`florence convert failed (${precision})`);
  return await openBundle(out);
}
