// What the model in the box says at full precision, stored so that a test of
// its int8 bundle needs nothing else.

import { readFile, writeFile } from "node:fs/promises";
import * as v from "valibot";
import { parseTask } from "../shared/tasks/index.ts";
import type { ReferenceAnswers } from "./agreement.ts";
import type { Photo } from "./photo-set.ts";

/** Every n-th photo, by key, is compared: 41 of the 325. */
const EVERY = 8;

const Ids = v.array(v.number());
const Corner = v.number();
const Golden = v.object({
  /** Of the fp32 bundle the answers are from. */
  model: v.object({ id: v.string(), revision: v.string() }),
  references: v.array(
    v.object({
      key: v.string(),
      answers: v.array(
        v.object({
          request: v.pipe(
            v.unknown(),
            v.transform((request) => parseTask(request, "")),
          ),
          prompt: Ids,
          ids: Ids,
          isTold: v.boolean(),
          hintIds: Ids,
          isForWords: v.boolean(),
          boxes: v.array(
            v.object({
              label: v.string(),
              box: v.object({
                x_min: Corner,
                y_min: Corner,
                x_max: Corner,
                y_max: Corner,
              }),
            }),
          ),
        }),
      ),
    }),
  ),
});

export interface AgreementGolden {
  readonly model: { readonly id: string; readonly revision: string };
  readonly references: readonly ReferenceAnswers[];
}

/** The photos whose answers are compared; the golden may have fewer. */
export function comparedPhotos(photos: readonly Photo[]): readonly Photo[] {
  return photos.filter((_, at) => at % EVERY === 0);
}

/** Reads what `writeAgreementGolden` wrote. */
export async function readAgreementGolden(
  file: string | URL,
): Promise<AgreementGolden> {
  return v.parse(Golden, JSON.parse(await readFile(file, "utf8")));
}

/** Writes one photo a line. */
export async function writeAgreementGolden(
  file: string | URL,
  { model, references }: AgreementGolden,
): Promise<void> {
  const lines = references.map((reference) => JSON.stringify(reference));
  await writeFile(
    file,
    `{"model":${JSON.stringify(model)},"references":[\n${lines.join(",\n")}\n]}\n`,
  );
}
