// People, as a specialist: their labels come from a file.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import type { ImageSize } from "../../shared/geometry.ts";
import {
  RegionTextBody,
  TagBody,
  TextBody,
  TripletBody,
  type Region,
  type Source,
} from "../records/record.ts";
import { parseJsonLine, parseLine } from "../records/read-records.ts";
import { numbered, type Draft, type Specialist } from "./specialist.ts";

/** One line of a labels file: what people said of one photo. */
export const LabelsSchema = v.strictObject({
  /** Path below the folder of photos, with `/` between. */
  photo: v.pipe(v.string(), v.minLength(1)),
  split: v.exactOptional(v.pipe(v.string(), v.minLength(1))),
  /** Unit of all coordinates of the line. */
  coordinates: v.optional(v.picklist(["pixel", "normalized"]), "pixel"),
  annotations: v.array(
    v.variant("kind", [
      v.strictObject(TextBody),
      v.strictObject(RegionTextBody),
      v.strictObject(TripletBody),
      v.strictObject(TagBody),
    ]),
  ),
});

export type Labels = v.InferOutput<typeof LabelsSchema>;

/**
 * Labels of people.
 *
 * @param path of a JSONL file; several lines may speak of one photo.
 * @throws FlorenceError `not_found`; `invalid_request` with the line's number.
 */
export async function createHuman(path: string): Promise<Specialist> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new FlorenceError("not_found", `There are no labels at ${path}.`, {
      cause,
    });
  });
  const byPhoto = Map.groupBy(
    parseLabels(bytes.toString(), path),
    (labels) => labels.photo,
  );
  const source: Source = {
    kind: "human",
    id: "human",
    revision: createHash("sha256").update(bytes).digest("hex").slice(0, 16),
  };
  return {
    source,
    listens: false,
    annotate({ facts }) {
      const lines = byPhoto.get(facts.path) ?? [];
      const drafts = lines.flatMap((labels) => draftsOf(labels, facts));
      const split = lines.find((labels) => labels.split !== undefined)?.split;
      return Promise.resolve({
        annotations: numbered(source, drafts),
        ...(split !== undefined && { split }),
      });
    },
    dispose: () => Promise.resolve(),
  };
}

function parseLabels(text: string, path: string): Labels[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const value = parseJsonLine(line, path, index + 1);
    return [parseLine(LabelsSchema, value, path, index + 1)];
  });
}

function draftsOf(labels: Labels, size: ImageSize): Draft[] {
  const scale =
    labels.coordinates === "normalized" ? size : { width: 1, height: 1 };
  return labels.annotations.map((body): Draft => {
    switch (body.kind) {
      case "region_text":
        return {
          ...body,
          region: scaleRegion(body.region, scale),
          score: null,
        };
      case "triplet":
        return {
          ...body,
          regions: body.regions.map((region) => scaleRegion(region, scale)),
          score: null,
        };
      case "text":
      case "tag":
        return { ...body, score: null };
    }
  });
}

/** A region in other units. */
function scaleRegion(region: Region, { width, height }: ImageSize): Region {
  const { box, quad, polygons } = region;
  const point = ([x, y]: readonly [number, number]): [number, number] => [
    x * width,
    y * height,
  ];
  return {
    box: {
      x_min: box.x_min * width,
      y_min: box.y_min * height,
      x_max: box.x_max * width,
      y_max: box.y_max * height,
    },
    ...(quad !== undefined && {
      quad: [point(quad[0]), point(quad[1]), point(quad[2]), point(quad[3])],
    }),
    ...(polygons !== undefined && {
      polygons: polygons.map((ring) => ring.map(point)),
    }),
  };
}
