// Bundles of the golden recipes, made once per process from random weights.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { decodeImage } from "../../src/shared/image/decode-image.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import type { ModelGolden } from "./measure-exactness.ts";
import { makeBundle, type Precision } from "./make-bundle.ts";

const HERE = import.meta.dirname;
const bundles = new Map<string, Promise<string>>();
let scratch: string | null = null;

/** Recipes that have a model golden. */
export const GOLDEN_RECIPES = [
  "tiny-native",
  "deep-native-untied",
  "original-tied-float16",
  "original-sharded-bfloat16",
  "long-native-float16",
] as const;

/** The folder of a recipe's bundle; removed when the process ends. */
export function goldenBundle(
  recipe: string,
  precision: Precision = "fp32",
): Promise<string> {
  const key = `${recipe}-${precision}`;
  const known = bundles.get(key);
  if (known !== undefined) return known;
  const out = join(scratchFolder(), key);
  const made = makeBundle(recipe, out, precision).then(() => out);
  bundles.set(key, made);
  return made;
}

/** What the reference makes of a recipe's model. */
export function readGolden(recipe: string): ModelGolden {
  const text = readFileSync(join(HERE, "models", `${recipe}.json`), "utf8");
  // Our own file, made by `make_models.py`.
  return JSON.parse(text) as ModelGolden;
}

/** The golden's photos, decoded from the PNG or the JPEG files. */
export async function readGoldenPhotos(
  golden: ModelGolden,
  extension: "png" | "jpg",
): Promise<ReadonlyMap<string, RgbImage>> {
  const codecs = await loadImageCodecs();
  const photos = new Map<string, RgbImage>();
  for (const name of new Set(golden.prompts.map(({ photo }) => photo))) {
    const bytes = readFileSync(join(HERE, "photos", `${name}.${extension}`));
    const { image } = await decodeImage(new Uint8Array(bytes), codecs);
    photos.set(name, image);
  }
  return photos;
}

function scratchFolder(): string {
  if (scratch === null) {
    const folder = mkdtempSync(join(tmpdir(), "florence-golden-"));
    process.on("exit", () => {
      rmSync(folder, { recursive: true, force: true });
    });
    scratch = folder;
  }
  return scratch;
}
