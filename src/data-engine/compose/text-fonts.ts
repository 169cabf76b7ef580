// Letters to pixels, one line at a time, in fonts of ours or the caller's.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { FlorenceError } from "../../shared/errors.ts";
import { escapeXml } from "../../shared/render/escape-xml.ts";
import type { Mask } from "../specialists/outline.ts";

/** Weights and slopes of Roboto that look different enough. */
const ROBOTO = [
  "300Light/Roboto_300Light",
  "400Regular/Roboto_400Regular",
  "400Regular_Italic/Roboto_400Regular_Italic",
  "500Medium/Roboto_500Medium",
  "700Bold/Roboto_700Bold",
  "900Black/Roboto_900Black",
];

let starting: Promise<void> | null = null;

/** A font's file. */
export type FontFile = Uint8Array;

/**
 * Fonts by their files; Roboto in six styles where none are named.
 *
 * @throws FlorenceError `not_found` for a file that cannot be read.
 */
export async function loadFonts(
  paths: readonly string[],
): Promise<readonly FontFile[]> {
  const files =
    paths.length > 0
      ? paths
      : ROBOTO.map((name) =>
          fileURLToPath(
            import.meta.resolve(`@expo-google-fonts/roboto/${name}.ttf`),
          ),
        );
  return await Promise.all(
    files.map(async (path) => {
      try {
        return new Uint8Array(await readFile(path));
      } catch (cause) {
        throw new FlorenceError("not_found", `There is no font ${path}.`, {
          cause,
        });
      }
    }),
  );
}

/**
 * Draws a line of text: how much of each pixel its ink covers, cut to the ink.
 * Null where there is none, since the font has none of its letters.
 *
 * @param fontSize in pixels.
 */
export async function drawLine(
  text: string,
  font: FontFile,
  fontSize: number,
): Promise<Mask | null> {
  starting ??= startResvg();
  await starting;
  const width = Math.ceil((text.length + 2) * fontSize * 1.2);
  const height = Math.ceil(fontSize * 2);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><text x="${fontSize}" y="${fontSize * 1.4}" font-size="${fontSize}" xml:space="preserve">${escapeXml(text)}</text></svg>`;
  const drawing = new Resvg(svg, { font: { fontBuffers: [font] } });
  const rendering = drawing.render();
  const alpha = rendering.pixels.filter((_, at) => at % 4 === 3);
  rendering.free();
  drawing.free();
  return cutToInk(alpha, width, height);
}

/** resvg takes its WebAssembly once in a process; nobody else here uses it. */
async function startResvg(): Promise<void> {
  const path = import.meta.resolve("@resvg/resvg-wasm/index_bg.wasm");
  await initWasm(new Uint8Array(await readFile(fileURLToPath(path))));
}

function cutToInk(
  alpha: Uint8Array,
  width: number,
  height: number,
): Mask | null {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (const [at, value] of alpha.entries()) {
    if (value < 64) continue;
    const x = at % width;
    const y = Math.floor(at / width);
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  if (right < 0) return null;
  const inkWidth = right - left + 1;
  const inkHeight = bottom - top + 1;
  const data = new Float32Array(inkWidth * inkHeight);
  for (let y = 0; y < inkHeight; y += 1) {
    for (let x = 0; x < inkWidth; x += 1)
      data[y * inkWidth + x] = alpha[(top + y) * width + left + x]! / 255;
  }
  return { width: inkWidth, height: inkHeight, data };
}
