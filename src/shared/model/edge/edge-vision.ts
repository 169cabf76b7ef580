// The vision side over the kernels: DaViT, or towers whose sessions run here.

import { FlorenceError, throwIfAborted } from "../../errors.ts";
import type { ResizePasses } from "../../image/resize-bicubic.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Manifest } from "../manifest.ts";
import type { Features } from "../model.ts";
import { createTowers } from "../onnx/tower-vision.ts";
import type { Vision } from "../onnx/vision.ts";
import { preprocessInto } from "../preprocess.ts";
import type { Session } from "../session.ts";
import { runDavit } from "./davit.ts";
import type { EdgePlan } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";
import type { TextWork } from "./text-layers.ts";
import { planTower } from "./tower-layout.ts";
import { towerSession } from "./tower-session.ts";
import { planVision } from "./vision-layout.ts";
import type { Weights } from "./weights.ts";

type DavitSpec = Extract<Manifest["vision"], { kind: "davit" }>;
type TowersSpec = Extract<Manifest["vision"], { kind: "hint_towers" }>;

/** When a phase may use the arena, and where it lets others go on. */
export interface Turns {
  /** Runs `act` when nothing else uses the arena. */
  readonly inTurn: <Result>(act: () => Promise<Result>) => Promise<Result>;
  /** Called between blocks of work. */
  readonly rest: () => Promise<void>;
}

/**
 * The vision side of a bundle.
 *
 * @param passes resize pictures.
 * @throws FlorenceError `bundle_invalid` if `edge.json` has another one.
 */
export function createEdgeVision(
  work: TextWork,
  manifest: Manifest,
  tokenizer: Tokenizer,
  turns: Turns,
  passes: ResizePasses,
): Vision {
  const { vision } = manifest;
  if (vision.kind === "davit") {
    return createEdgeDavit(work, vision, turns, passes);
  }
  const sessions = towerSessions(work, vision, turns);
  return createTowers(vision, manifest, tokenizer, sessions, null, passes);
}

/** Bytes of work that the vision side takes, whatever it is asked. */
export function visionBytes(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  inputSizes: readonly number[],
): number {
  const { vision } = plan;
  if (vision.kind === "davit") {
    const size = Math.max(...inputSizes);
    return planVision(run, plan, weights, size).layout.bytes;
  }
  const towers = Object.values(vision.towers);
  return Math.max(
    ...towers.map((tower) => planTower(run, plan, weights, tower).bytes),
  );
}

function createEdgeDavit(
  work: TextWork,
  spec: DavitSpec,
  { inTurn, rest }: Turns,
  passes: ResizePasses,
): Vision {
  const { run, plan, weights } = work;
  return {
    inputSizes: spec.input_sizes,
    encode(images, options) {
      return inTurn(async () => {
        const size = options.inputSize ?? spec.input_sizes[0]!;
        if (!spec.input_sizes.includes(size)) {
          throw new FlorenceError(
            "invalid_request",
            `Input size ${size} is not one this model takes: ${spec.input_sizes.join(", ")}.`,
          );
        }
        const vision = planVision(run, plan, weights, size);
        const all: Features[] = [];
        for (const image of images) {
          throwIfAborted(options.signal);
          const pass = { ...work, vision };
          const write = (to: Float32Array): void => {
            preprocessInto(image, spec.input, size, passes, to);
          };
          const data = await runDavit(pass, write, rest, options);
          const { width } = plan.text;
          const tokens = data.length / width;
          all.push({ data, tokens, width, hintIds: [], inputSize: size });
        }
        return all;
      });
    },
  };
}

function towerSessions(
  work: TextWork,
  spec: TowersSpec,
  { inTurn, rest }: Turns,
): Readonly<Record<string, Session>> {
  const { run, plan, weights } = work;
  const sessions: Record<string, Session> = {};
  for (const { name, graph } of spec.towers) {
    const tower =
      plan.vision.kind === "towers" ? plan.vision.towers[name] : undefined;
    if (tower === undefined) {
      throw new FlorenceError(
        "bundle_invalid",
        `edge.json has no tower ${name}. Convert the model again with florence convert.`,
      );
    }
    const layout = planTower(run, plan, weights, tower);
    sessions[graph] = towerSession({ ...work, tower, layout }, inTurn, rest);
  }
  return sessions;
}
