// What a model runs on: ONNX Runtime's providers, and whether this machine has
// them.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as ort from "onnxruntime-node";
import { FlorenceError } from "../shared/errors.ts";

/** ONNX Runtime's execution providers that `florence serve` knows. */
export const DEVICES = ["cpu", "cuda", "webgpu"] as const;

export type Device = (typeof DEVICES)[number];

/** How to get what a device needs; part of every refusal. */
const REMEDIES: Readonly<Record<Device, string>> = {
  cpu: "Run npm ci again.",
  cuda: "It needs an NVIDIA GPU with CUDA 12 and cuDNN 9, and ONNX Runtime's CUDA provider: ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js (Linux x64). Or use --device cpu.",
  webgpu:
    "It needs a GPU with a Vulkan, Metal or Direct3D 12 driver. Or use --device cpu.",
};

/**
 * The smallest graph there is, `y = -x`: opening it shows whether a provider
 * works. Written out as protobuf (onnx.proto: ir_version 8, opset 17).
 */
const PROBE = Uint8Array.from(
  atob(
    "CAg6NgoLCgF4EgF5IgNOZWcSBXByb2JlWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUICEBE=",
  ),
  (character) => character.charCodeAt(0),
);

/**
 * The device to run on.
 *
 * @param wanted `auto`: the first of CUDA, WebGPU and CPU that works here.
 * @throws FlorenceError `engine_unavailable` if the one that is wanted does not
 *   work here, with what it needs.
 */
export async function chooseDevice(wanted: Device | "auto"): Promise<Device> {
  if (wanted !== "auto") {
    const reason = await whyNot(wanted);
    if (reason !== null) throw deviceUnavailable(wanted, reason);
    return wanted;
  }
  for (const device of ["cuda", "webgpu"] as const) {
    if (isInstalled(device) && (await whyNot(device)) === null) return device;
  }
  return "cpu";
}

/** The refusal of a device that does not work here. */
export function deviceUnavailable(
  device: Device,
  reason: string,
  cause?: unknown,
): FlorenceError {
  return new FlorenceError(
    "engine_unavailable",
    `The device ${device} does not work on this machine: ${reason}. ${REMEDIES[device]}`,
    { cause },
  );
}

/** Why a device does not work here; null if it does. */
async function whyNot(device: Device): Promise<string | null> {
  const known = ort.listSupportedBackends().map(({ name }) => name);
  if (!known.includes(device)) {
    return `onnxruntime-node has it not for ${process.platform} ${process.arch}`;
  }
  if (!isInstalled(device)) return "its provider is not installed";
  try {
    const session = await ort.InferenceSession.create(PROBE, {
      executionProviders: [device],
      logSeverityLevel: 4,
    });
    await session.release();
    return null;
  } catch (error) {
    return firstLine(error);
  }
}

/** ONNX Runtime writes an error to the terminal for a provider it has no file of. */
function isInstalled(device: Device): boolean {
  if (device !== "cuda") return true;
  const root = dirname(
    createRequire(import.meta.url).resolve("onnxruntime-node/package.json"),
  );
  const { platform, arch } = process;
  const file = "libonnxruntime_providers_cuda.so"; // there is none but Linux's
  return existsSync(join(root, "bin", "napi-v6", platform, arch, file));
}

/** The end of a native message says what happened; the rest is source lines. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.trim().split("\n")[0]!;
  return line.replace(/^.* was false\. /u, "").replace(/\.$/u, "");
}
