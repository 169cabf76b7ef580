// A Florence bundle as a specialist: any of its tasks, and grounding of the
// captions of others.

import { NODE_PLATFORM } from "../../node/platform.ts";
import { openBundle } from "../../node/open-bundle.ts";
import { FlorenceError } from "../../shared/errors.ts";
import { analyze } from "../../shared/analyze/analyze.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import type { LoadedModel } from "../../shared/model/open-model.ts";
import {
  parseAnalyzeRequest,
  type EnvelopeResult,
} from "../../shared/schema/analysis.ts";
import { findTask } from "../../shared/tasks/index.ts";
import type { Annotation, Level, Source } from "../records/record.ts";
import { draftsOfResult } from "./florence-drafts.ts";
import {
  numbered,
  type Draft,
  type Specialist,
  type SpecialistSpec,
} from "./specialist.ts";
import { withStability, type ViewAnswer } from "./stability.ts";
import { otherViews, wholeView, type View } from "./views.ts";

type FlorenceSpec = Extract<SpecialistSpec, { kind: "florence" }>;

/** Captions grounded for one photo, its own and those of others. */
const MAX_GROUNDED = 8;

/** A caption to ground. */
interface Caption {
  readonly text: string;
  readonly level: Level;
}

/**
 * A bundle.
 *
 * @throws FlorenceError what `openBundle` throws; `unsupported_task` if it can
 *   do none of the tasks.
 */
export async function createFlorence(
  spec: FlorenceSpec,
  { threads }: { readonly threads: number },
): Promise<Specialist> {
  const loaded = await openBundle(spec.bundle, { threads });
  const can = new Set(loaded.manifest.tasks);
  const tasks = spec.tasks.filter((task) => can.has(task));
  if (tasks.length === 0) {
    await loaded.model.dispose();
    throw new FlorenceError(
      "unsupported_task",
      `${spec.bundle} can do none of ${spec.tasks.join(", ")}; it was trained for ${[...can].join(", ")}.`,
    );
  }
  const source: Source = {
    kind: "bundle",
    id: loaded.manifest.id,
    revision: [
      loaded.manifest.revision,
      ...tasks,
      ...(spec.views ? ["views"] : []),
    ].join(" "),
  };
  return {
    source,
    listens: tasks.includes("ground"),
    async annotate({ image }, known) {
      const captions = captionsOf(known);
      const drafts = await look(wholeView(image), loaded, tasks, captions);
      if (!spec.views) return { annotations: numbered(source, drafts) };
      const others: ViewAnswer[] = [];
      for (const view of otherViews(image)) {
        const seen = await look(view, loaded, tasks, captions);
        others.push({ view, drafts: seen });
      }
      const stable = withStability(drafts, others);
      return { annotations: numbered(source, stable) };
    },
    dispose: () => loaded.model.dispose(),
  };
}

function captionsOf(known: readonly Annotation[]): Caption[] {
  return known.flatMap((annotation) =>
    annotation.kind === "text"
      ? [{ text: annotation.text, level: annotation.level }]
      : [],
  );
}

/** What the bundle says of one view, boxes in pixels of the view. */
async function look(
  { image }: View,
  loaded: LoadedModel,
  tasks: readonly string[],
  captions: readonly Caption[],
): Promise<Draft[]> {
  const plain = tasks.filter((task) => task !== "ground");
  const requests = plain.map((task) => findTask(task)!.example);
  const drafts = (await ask(image, loaded, requests)).flatMap((result) =>
    draftsOfResult(result),
  );
  if (!tasks.includes("ground")) return drafts;
  const own = drafts.flatMap((draft): Caption[] =>
    draft.kind === "text" ? [draft] : [],
  );
  const grounded = [...captions, ...own].slice(0, MAX_GROUNDED);
  const phrases = grounded.map(({ text }) => ({
    task: "ground",
    phrase: text.slice(0, 512),
  }));
  const results = await ask(image, loaded, phrases);
  const triplets = results.flatMap((result, index) =>
    draftsOfResult(result, grounded[index]),
  );
  return [...drafts, ...triplets];
}

async function ask(
  image: RgbImage,
  loaded: LoadedModel,
  tasks: readonly object[],
): Promise<readonly EnvelopeResult[]> {
  if (tasks.length === 0) return [];
  const { results } = await analyze(
    loaded,
    {
      ...parseAnalyzeRequest({ tasks, options: { min_score: 0 } }),
      image: {
        image,
        mediaType: "image/png",
        size: { width: image.width, height: image.height },
        orientationApplied: false,
        scaled: false,
      },
      // Hashed for the envelope's facts, which nobody reads here.
      bytes: new Uint8Array(0),
    },
    NODE_PLATFORM,
  );
  return results;
}
