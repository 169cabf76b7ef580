// Entry of a thread that makes composites.

import { loadImageCodecs } from "../../node/image-codecs.ts";
import { readPhoto } from "../annotate/read-photo.ts";
import { writePicture } from "../picture/write-picture.ts";
import type { SeenPhoto, Source } from "../records/record.ts";
import { numbered, type Draft } from "../specialists/specialist.ts";
import { serveJobs } from "../threads/serve-jobs.ts";
import type { ComposeSettings } from "./compose.ts";
import { cutOut, type CutOutSource } from "./cut-out.ts";
import { createRandom, type Random } from "./random.ts";
import { describeScene } from "./scene-grammar.ts";
import { composeScene, type Scene } from "./scene.ts";

/** Things of a scene. */
const MOST_THINGS = 4;

await serveJobs(async (settings: ComposeSettings) => {
  const codecs = await loadImageCodecs();
  const { seed, out, photos, backgrounds, size } = settings;
  const source: Source = {
    kind: "composite",
    id: "composite",
    revision: `seed-${seed}`,
  };
  return {
    ready: null,
    async work(number: number): Promise<SeenPhoto> {
      const random = createRandom(seed, number);
      const chosen = chooseThings(settings.cutOuts, random);
      const things = [];
      for (const one of chosen) things.push(await cutOut(photos, one, codecs));
      const path = random.pick(settings.backgroundPaths);
      const background = await readPhoto(backgrounds, path, codecs);
      const scene = composeScene(background.image, things, size, random);
      const name = `composite-${String(number).padStart(6, "0")}.webp`;
      const photo = await writePicture(out, name, scene.image);
      return {
        photo,
        split: "train",
        by: source,
        annotations: numbered(source, draftsOf(scene, size)),
      };
    },
  };
});

/** Two to four things; in half of the scenes two are of one kind. */
function chooseThings(
  cutOuts: readonly CutOutSource[],
  random: Random,
): CutOutSource[] {
  const first = random.pick(cutOuts);
  const chosen = [first];
  const others = cutOuts.filter((one) => one !== first);
  const alike = others.filter(({ name }) => name === first.name);
  if (alike.length > 0 && random.chance(0.5)) chosen.push(random.pick(alike));
  const count = random.whole(2, MOST_THINGS);
  while (chosen.length < count && others.length > 0)
    chosen.push(random.pick(others));
  return chosen;
}

function draftsOf({ objects }: Scene, size: ComposeSettings["size"]): Draft[] {
  if (objects.length === 0) return [];
  const { texts, descriptions } = describeScene(objects, size);
  const regions = objects.map(({ box, polygons }) => ({
    box,
    polygons: [...polygons],
  }));
  return [
    ...texts.map(({ level, text }): Draft => ({
      kind: "text",
      level,
      text,
      score: null,
    })),
    ...objects.flatMap(({ name }, at): Draft[] => {
      const region = regions[at]!;
      const common = { kind: "region_text", region, score: null } as const;
      return [
        { ...common, about: "object", text: name },
        { ...common, about: "description", text: descriptions[at]! },
      ];
    }),
    ...texts.flatMap(({ level, text, phrases }) =>
      phrases.map(({ span, things }): Draft => ({
        kind: "triplet",
        level,
        text,
        phrase: text.slice(...span),
        span: [...span],
        regions: things.map((at) => regions[at]!),
        score: null,
      })),
    ),
  ];
}
