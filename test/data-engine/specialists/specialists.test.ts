// One suite for every specialist: what each must hold on a real photo.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as v from "valibot";
import { readPhoto } from "../../../src/data-engine/annotate/read-photo.ts";
import {
  AnnotationSchema,
  type Annotation,
} from "../../../src/data-engine/records/record.ts";
import { openSpecialist } from "../../../src/data-engine/specialists/open-specialist.ts";
import {
  SpecialistSpecSchema,
  type SpecialistSpec,
} from "../../../src/data-engine/specialists/specialist.ts";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";
import { MODEL_IN_THE_BOX } from "../../../src/node/model-in-the-box.ts";
import { HUMAN, caption, object } from "../make-records.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const YOLOX = "../shared/specialists/yolox_nano.onnx";

/** A surfer in front of a wave, with a line of letters below. */
const PHOTO = "surfer.jpg";

interface Case {
  readonly name: string;
  readonly spec: Parameters<typeof v.parse<typeof SpecialistSpecSchema>>[1];
  /** Why it cannot be tried here, or false. */
  readonly skip: string | false;
  /** Something it must say of the photo. */
  readonly says: (annotations: readonly Annotation[]) => boolean;
}

const seesSurfer = (annotations: readonly Annotation[]): boolean =>
  ["person", "surfboard"].every((name) =>
    annotations.some(
      (one) =>
        one.kind === "region_text" && one.text === name && one.score! > 0.5,
    ),
  );

const CASES: readonly Case[] = [
  {
    name: "detector",
    spec: { kind: "detector", model: YOLOX },
    skip: existsSync(YOLOX) ? false : `there is no ${YOLOX}`,
    says: seesSurfer,
  },
  {
    name: "ocr",
    spec: { kind: "ocr" },
    skip: false,
    says: (annotations) =>
      annotations.every(({ kind }) => kind === "region_text"),
  },
  {
    name: "tags",
    spec: { kind: "tags", bundle: MODEL_IN_THE_BOX },
    skip: false,
    says: (annotations) =>
      annotations.length > 0 && annotations.every(({ kind }) => kind === "tag"),
  },
  {
    name: "florence",
    spec: {
      kind: "florence",
      bundle: MODEL_IN_THE_BOX,
      tasks: ["caption", "detect"],
    },
    skip: false,
    says: (annotations) =>
      seesSurfer(annotations) &&
      annotations.some(({ kind }) => kind === "text"),
  },
  {
    name: "florence with views",
    spec: {
      kind: "florence",
      bundle: MODEL_IN_THE_BOX,
      tasks: ["detect"],
      views: true,
    },
    skip: false,
    says: (annotations) =>
      annotations.some(
        ({ text, stability }) => text === "person" && stability! >= 2 / 3,
      ),
  },
  {
    name: "linker",
    spec: { kind: "linker" },
    skip: false,
    says: (annotations) =>
      annotations.length === 1 && annotations[0]!.kind === "triplet",
  },
];

/** What others said before, for those who listen. */
const KNOWN = [
  caption(HUMAN, "a man riding a wave"),
  object(HUMAN, "person", [100, 50, 200, 150], null),
];

for (const { name, spec, skip, says } of CASES) {
  test(
    `${name} annotates a photo inside its bounds, the same each time`,
    { skip },
    async () => {
      const codecs = await loadImageCodecs();
      const photo = await readPhoto("examples/photos", PHOTO, codecs);
      const parsed: SpecialistSpec = v.parse(SpecialistSpecSchema, spec);
      const specialist = await openSpecialist(parsed, { threads: 1 });
      try {
        const { annotations } = await specialist.annotate(photo, KNOWN);
        assert.ok(says(annotations), JSON.stringify(annotations, null, 1));
        v.parse(v.array(AnnotationSchema), annotations);
        const ids = annotations.map(({ id }) => id);
        assert.equal(new Set(ids).size, ids.length);
        for (const annotation of annotations) {
          assert.equal(annotation.source, specialist.source);
          if (annotation.kind !== "region_text") continue;
          const { x_min, y_min, x_max, y_max } = annotation.region.box;
          assert.ok(x_min >= 0 && y_min >= 0);
          assert.ok(x_max <= photo.facts.width && y_max <= photo.facts.height);
        }
        const again = await specialist.annotate(photo, KNOWN);
        assert.deepEqual(again.annotations, annotations);
      } finally {
        await specialist.dispose();
      }
    },
  );
}

test("ocr reads a line of letters where it stands", async (t) => {
  const { renderText } =
    await import("../../../src/data-engine/compose/render-text.ts");
  const { readRecords } =
    await import("../../../src/data-engine/records/read-records.ts");
  const folder = await temporaryFolder(t);
  const texts = join(folder, "texts.txt");
  await writeFile(texts, "WELCOME HOME\n");
  const signal = new AbortController().signal;
  const out = join(folder, "pages");
  await renderText({
    texts,
    fonts: [],
    out,
    count: 1,
    seed: 4,
    workers: 1,
    signal,
  });
  const [page] = await readRecords(join(out, "records.jsonl"));
  const photo = await readPhoto(out, page!.photo.path, await loadImageCodecs());
  const ocr = await openSpecialist({ kind: "ocr" }, { threads: 1 });
  const { annotations } = await ocr.annotate(photo, []);
  await ocr.dispose();
  const read = annotations.filter(({ text }) => /WELCOME\s?HOME/u.test(text));
  assert.ok(
    read.length > 0,
    JSON.stringify(annotations.map(({ text }) => text)),
  );
});

test("a missing package names its install line", async () => {
  await assert.rejects(
    openSpecialist({ kind: "matte" }, { threads: 1 }),
    /not installed\. Run: npm install .*@imgly\/background-removal-node/u,
  );
});

test("a missing or wrong model file is named", async (t) => {
  const spec = (model: string) =>
    ({ kind: "detector", model, minScore: 0.1 }) as const;
  await assert.rejects(
    openSpecialist(spec("nowhere.onnx"), { threads: 1 }),
    /There is no model file nowhere\.onnx/u,
  );
  const junk = join(await temporaryFolder(t), "junk.onnx");
  await writeFile(junk, "junk");
  await assert.rejects(
    openSpecialist(spec(junk), { threads: 1 }),
    /refuses the graph/u,
  );
});
