// Options that cannot be acted upon with what is at hand: refused before any
// work, since an ignored option is a wrong answer.

import { FlorenceError, type FieldError } from "../errors.ts";
import type { AnalyzeInput, Platform } from "./analyze.ts";

/** @throws FlorenceError `invalid_request`, pointing at the options. */
export function refuseImpossible(
  { image, options }: AnalyzeInput,
  platform: Platform,
): void {
  const isTiled = options.tiling.mode === "auto";
  const isPng = options.render.format === "png";
  if (image === null) {
    const asked: readonly (readonly [string, boolean])[] = [
      ["/options/tiling/mode", isTiled],
      ["/options/render/format", isPng],
      ["/options/render/crops", options.render.crops === "png"],
    ];
    refuse(
      asked.flatMap(([pointer, isAsked]) =>
        isAsked ? [{ pointer, detail: "needs the image itself" }] : [],
      ),
      "of an image that was seen before only its features are kept. Send the image, or leave it out",
    );
  }
  if (isTiled && options.include_raw) {
    refuse(
      [
        {
          pointer: "/options/include_raw",
          detail: "there is no single raw answer with tiling",
        },
      ],
      "with options.tiling.mode auto every tile has an answer of its own. Leave one of the two out",
    );
  }
  if (isPng && platform.rasterizer === undefined) {
    refuse(
      [{ pointer: "/options/render/format", detail: '"none" or "svg"' }],
      'this host draws no PNG. Ask for "svg"',
    );
  }
}

function refuse(errors: readonly FieldError[], reason: string): void {
  if (errors.length === 0) return;
  const fields = errors.map(({ pointer }) =>
    pointer.slice(1).replaceAll("/", "."),
  );
  throw new FlorenceError(
    "invalid_request",
    `${fields.join(" and ")} cannot be had here: ${reason}.`,
    { errors },
  );
}
