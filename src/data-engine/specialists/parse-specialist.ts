// A specialist as the command line names it: `detector=yolox.onnx`, `ocr`.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { MODEL_IN_THE_BOX } from "../../node/model-in-the-box.ts";
import { nearestWord } from "../../shared/schema/nearest.ts";
import {
  BUNDLE_TASKS,
  SpecialistSpecSchema,
  type BundleTask,
  type SpecialistSpec,
} from "./specialist.ts";

/** Kinds that are named with `--specialist`, and what stands behind `=`. */
export const SPECIALISTS = {
  detector: "FILE.onnx",
  ocr: null,
  matte: "FILE.onnx, or nothing for an installed package",
  tags: "BUNDLE, or nothing for the model in the box",
  florence: "BUNDLE, or nothing for the model in the box",
  linker: null,
} as const;

/**
 * Reads one specialist.
 *
 * @param tasks asked of a bundle; all it can do where empty.
 * @throws FlorenceError `invalid_request` for an unknown kind or task, a value
 *   that is missing, or one too many.
 */
export function parseSpecialist(
  spelling: string,
  tasks: readonly string[] = [],
): SpecialistSpec {
  const at = spelling.indexOf("=");
  const kind = at === -1 ? spelling : spelling.slice(0, at);
  const value = at === -1 ? undefined : spelling.slice(at + 1);
  if (!Object.hasOwn(SPECIALISTS, kind)) throw unknownKind(kind);
  if (
    value === "" ||
    (value !== undefined && (kind === "ocr" || kind === "linker"))
  )
    throw refusal(
      `"${spelling}" is not understood`,
      kind as keyof typeof SPECIALISTS,
    );
  const bundle = value ?? MODEL_IN_THE_BOX;
  const asked = parseBundleTasks(tasks);
  const given = {
    detector: { kind, model: value },
    ocr: { kind },
    matte: { kind, ...(value !== undefined && { model: value }) },
    tags: { kind, bundle },
    florence: { kind, bundle, tasks: [...asked] },
    linker: { kind },
  }[kind as keyof typeof SPECIALISTS];
  const parsed = v.safeParse(SpecialistSpecSchema, given);
  if (parsed.success) return parsed.output;
  throw refusal(
    `"${spelling}" is not understood`,
    kind as keyof typeof SPECIALISTS,
  );
}

/**
 * Reads what a bundle is asked; all it can do where empty.
 *
 * @throws FlorenceError `unknown_task`.
 */
export function parseBundleTasks(
  tasks: readonly string[] = [],
): readonly BundleTask[] {
  if (tasks.length === 0) return BUNDLE_TASKS;
  const parsed = v.safeParse(v.array(v.picklist(BUNDLE_TASKS)), tasks);
  if (parsed.success) return parsed.output;
  throw new FlorenceError(
    "unknown_task",
    `A bundle is asked ${BUNDLE_TASKS.join(", ")}; "${tasks.join(", ")}" is not among them.`,
  );
}

function unknownKind(kind: string): FlorenceError {
  const names = Object.keys(SPECIALISTS);
  const near = nearestWord(kind, names);
  const hint = near === null ? "" : ` Did you mean ${near}?`;
  return new FlorenceError(
    "invalid_request",
    `There is no specialist "${kind}"; there is ${names.join(", ")}.${hint}`,
  );
}

function refusal(what: string, kind: keyof typeof SPECIALISTS): FlorenceError {
  const value = SPECIALISTS[kind];
  const form = value === null ? kind : `${kind}=${value}`;
  return new FlorenceError(
    "invalid_request",
    `${what}. Write --specialist ${form}.`,
  );
}
