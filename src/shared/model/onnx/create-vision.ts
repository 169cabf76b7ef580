// Which vision side a bundle has: Florence-2's own DaViT, or towers that write
// hints.

import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Manifest } from "../manifest.ts";
import type { Session } from "../session.ts";
import type { ReaderSessions } from "../towers/reader.ts";
import { createDavit } from "./davit-vision.ts";
import { createTowers } from "./tower-vision.ts";
import type { Vision } from "./vision.ts";

/** Names of the graphs the vision side needs. */
export function visionGraphNames(manifest: Manifest): readonly string[] {
  const { vision } = manifest;
  return vision.kind === "davit"
    ? ["vision"]
    : vision.towers.map((tower) => tower.graph);
}

/** The vision side of a bundle. */
export function createVision(
  manifest: Manifest,
  tokenizer: Tokenizer,
  sessions: Readonly<Record<string, Session>>,
  openReader: (() => Promise<ReaderSessions>) | null,
): Vision {
  const { vision } = manifest;
  return vision.kind === "davit"
    ? createDavit(vision, sessions["vision"]!)
    : createTowers(vision, manifest, tokenizer, sessions, openReader);
}
