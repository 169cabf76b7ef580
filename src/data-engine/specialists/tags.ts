// A classifier: the tags that a bundle's towers give a photo.

import { openBundle } from "../../node/open-bundle.ts";
import { FlorenceError } from "../../shared/errors.ts";
import type { LoadedModel } from "../../shared/model/open-model.ts";
import type { Source } from "../records/record.ts";
import { numbered, type Draft, type Specialist } from "./specialist.ts";

/**
 * The classifier towers of a bundle.
 *
 * @throws FlorenceError what `openBundle` throws; `unsupported_task` for a
 *   bundle without such a tower.
 */
export async function createTags(
  bundle: string,
  { threads }: { readonly threads: number },
): Promise<Specialist> {
  const loaded = await openBundle(bundle, { threads });
  const { vision } = loaded.manifest;
  const classifiers =
    vision.kind === "hint_towers"
      ? vision.towers.filter(({ kind }) => kind === "classifier")
      : [];
  if (classifiers.length === 0) {
    await loaded.model.dispose();
    throw new FlorenceError(
      "unsupported_task",
      `${bundle} has no classifier tower, so it gives no tags. Name a bundle with one, such as the model in the box.`,
    );
  }
  const source: Source = {
    kind: "specialist",
    id: "tags",
    revision: loaded.manifest.revision,
  };
  return {
    source,
    listens: false,
    async annotate({ image }) {
      const [features] = await loaded.model.encode([image]);
      const tags = readTagHints(features!.hintIds, loaded);
      const drafts = tags.map((tag): Draft => ({ kind: "tag", ...tag }));
      return { annotations: numbered(source, drafts) };
    },
    dispose: () => loaded.model.dispose(),
  };
}

/**
 * Reads `<cap> name <score_7> name <score_3> </cap> …` out of hints; the score
 * is the middle of its tenth.
 */
export function readTagHints(
  hintIds: readonly number[],
  { tokenizer }: Pick<LoadedModel, "tokenizer">,
): { readonly text: string; readonly score: number }[] {
  const tags: { text: string; score: number }[] = [];
  let name: number[] = [];
  let isInside = false;
  for (const id of hintIds) {
    const token = tokenizer.tokenText(id);
    if (token === "<cap>") isInside = true;
    if (token === "</cap>") break;
    if (!isInside) continue;
    const tenth = /^<score_(\d)>$/u.exec(token)?.[1];
    if (tenth === undefined) {
      if (!tokenizer.isAdded(id)) name.push(id);
      continue;
    }
    const text = tokenizer.decode(name).trim();
    if (text !== "") tags.push({ text, score: (Number(tenth) + 0.5) / 10 });
    name = [];
  }
  return tags;
}
