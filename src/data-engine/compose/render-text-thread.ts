// Entry of a thread that renders text.

import { writePicture } from "../picture/write-picture.ts";
import type { SeenPhoto, Source } from "../records/record.ts";
import { numbered, type Draft } from "../specialists/specialist.ts";
import { serveJobs } from "../threads/serve-jobs.ts";
import { createRandom } from "./random.ts";
import type { RenderTextSettings } from "./render-text.ts";
import { loadFonts } from "./text-fonts.ts";
import { drawTextPage, type TextLine } from "./text-page.ts";

await serveJobs(async (settings: RenderTextSettings) => {
  const { seed, out, texts, size } = settings;
  const fonts = await loadFonts(settings.fonts);
  const source: Source = {
    kind: "composite",
    id: "rendered-text",
    revision: `seed-${seed}`,
  };
  return {
    ready: null,
    async work(number: number): Promise<SeenPhoto> {
      const random = createRandom(seed, number);
      const pick = (): string => random.pick(texts);
      const page = await drawTextPage(size, fonts, pick, random);
      const name = `text-${String(number).padStart(6, "0")}.webp`;
      const photo = await writePicture(out, name, page.image);
      return {
        photo,
        split: "train",
        by: source,
        annotations: numbered(source, page.lines.map(draftOf)),
      };
    },
  };
});

function draftOf({ text, quad }: TextLine): Draft {
  const xs = quad.map(([x]) => x);
  const ys = quad.map(([, y]) => y);
  return {
    kind: "region_text",
    about: "writing",
    text,
    region: {
      box: {
        x_min: Math.min(...xs),
        y_min: Math.min(...ys),
        x_max: Math.max(...xs),
        y_max: Math.max(...ys),
      },
      quad: [[...quad[0]], [...quad[1]], [...quad[2]], [...quad[3]]],
    },
    score: null,
  };
}
