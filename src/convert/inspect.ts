// What is in a bundle, told without loading a weight.

import { readManifest } from "../shared/model/open-model.ts";
import type { Manifest } from "../shared/model/manifest.ts";
import { bundleFolder } from "../node/bundle-folder.ts";
import { adoptTransformersJsFolder } from "../node/transformers-js-folder.ts";

/** A bundle in numbers. */
export interface BundleDescription {
  readonly id: string;
  readonly revision: string;
  readonly source: string;
  readonly license: string;
  readonly precision: Manifest["precision"];
  readonly layout: Manifest["layout"];
  /** `davit`, or the names of its towers. */
  readonly vision: readonly string[];
  /** Sides in pixels that it takes, its own first. */
  readonly inputSizes: readonly number[];
  readonly text: Manifest["text"];
  readonly generation: Manifest["generation"];
  readonly tasks: readonly string[];
  readonly thresholds: Readonly<Record<string, number>>;
  /** What a task leaves out if a request does not say. */
  readonly minScores: Readonly<Record<string, number>>;
  /** Multiply-accumulates of `decoder` and `head` are for one token. */
  readonly parts: Manifest["parts"];
  readonly parameters: number;
  /** Bytes of weights. */
  readonly weightBytes: number;
  /** Multiply-accumulates before the first token: one image and one prompt. */
  readonly macsPerImage: number;
  /** Multiply-accumulates of one more token. */
  readonly macsPerToken: number;
  readonly files: Manifest["files"];
  /** Bytes of all files. */
  readonly bytes: number;
}

const PER_TOKEN: readonly string[] = ["decoder", "head"];

/**
 * Describes the bundle in a folder from its manifest.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`.
 */
export async function inspectBundle(path: string): Promise<BundleDescription> {
  const manifest = await readManifest(
    (await adoptTransformersJsFolder(path)) ?? bundleFolder(path),
  );
  const { vision, parts, files } = manifest;
  const sum = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, 0);
  const ofToken = parts.filter(({ name }) => PER_TOKEN.includes(name));
  const ofImage = parts.filter(({ name }) => !PER_TOKEN.includes(name));
  return {
    id: manifest.id,
    revision: manifest.revision,
    source: manifest.source,
    license: manifest.license,
    precision: manifest.precision,
    layout: manifest.layout,
    vision:
      vision.kind === "davit"
        ? ["davit"]
        : vision.towers.map(({ name }) => name),
    inputSizes:
      vision.kind === "davit"
        ? vision.input_sizes
        : vision.towers.map(({ input }) => input.size),
    text: manifest.text,
    generation: manifest.generation,
    tasks: manifest.tasks,
    thresholds: manifest.thresholds,
    minScores: manifest.min_scores ?? {},
    parts,
    parameters: sum(parts.map((part) => part.parameters)),
    weightBytes: sum(parts.map((part) => part.bytes)),
    macsPerImage: sum(ofImage.map((part) => part.macs)),
    macsPerToken: sum(ofToken.map((part) => part.macs)),
    files,
    bytes: sum(files.map((file) => file.bytes)),
  };
}
