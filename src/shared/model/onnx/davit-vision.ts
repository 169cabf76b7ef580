// Florence-2's own vision side, one graph.

import { FlorenceError } from "../../errors.ts";
import type { Manifest } from "../manifest.ts";
import type { Session } from "../session.ts";
import { pixelTensor, readFeatures, type Vision } from "./vision.ts";

type DavitSpec = Extract<Manifest["vision"], { kind: "davit" }>;

/** The vision side of a DaViT. */
export function createDavit(spec: DavitSpec, session: Session): Vision {
  return {
    inputSizes: spec.input_sizes,
    async encode(images, options) {
      const size = options.inputSize ?? spec.input_sizes[0]!;
      if (!spec.input_sizes.includes(size)) {
        throw new FlorenceError(
          "invalid_request",
          `Input size ${size} is not one this model takes: ${spec.input_sizes.join(", ")}.`,
        );
      }
      const pixels = pixelTensor(images, spec.input, size, options);
      const outputs = await session.run({ pixel_values: pixels }, options);
      return await readFeatures(outputs["image_features"]!, size);
    },
  };
}
