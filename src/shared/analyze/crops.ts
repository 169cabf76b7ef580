// Cut-outs of what was found, as PNG inside the items.

import type { ImageSize } from "../geometry.ts";
import { cropImage } from "../image/crop-image.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { toBase64 } from "../render/base64.ts";
import { encodePng } from "../render/encode-png.ts";
import type { TaskPayload } from "../tasks/index.ts";
import type { Crop } from "../tasks/result-fields.ts";
import { boundsOf, itemListsOf, type PlacedItem } from "./result-items.ts";

/** Crops of one analysis. */
export const MAX_CROPS = 64;

/** Bytes of all their PNG files together: what a body may have. */
export const MAX_CROP_BYTES = 20_000_000;

/** Gives items their crops. */
export interface Cropper {
  /**
   * Adds a crop to every item of a result that has none, in its order, as far
   * as the limits allow. Asked twice for one item, it is cut once.
   */
  addInto(result: TaskPayload): void;
}

/**
 * @param image what was decoded; smaller than the sent one if it was scaled.
 * @param scale sides of the image in the unit of the results.
 * @param onLimit called once, when an item goes without for a limit's sake.
 */
export function createCropper(
  image: RgbImage,
  scale: ImageSize,
  onLimit: (message: string) => void,
): Cropper {
  const made = new Map<string, Crop | null>();
  let count = 0;
  let bytes = 0;
  let isLimitTold = false;

  const cut = (item: PlacedItem): Crop | null => {
    if (count < MAX_CROPS) {
      const toPixelX = image.width / scale.width;
      const toPixelY = image.height / scale.height;
      const bounds = boundsOf(item);
      const part = cropImage(image, {
        x_min: bounds.x_min * toPixelX,
        y_min: bounds.y_min * toPixelY,
        x_max: bounds.x_max * toPixelX,
        y_max: bounds.y_max * toPixelY,
      });
      const png = encodePng(part);
      if (bytes + png.length <= MAX_CROP_BYTES) {
        count += 1;
        bytes += png.length;
        const { width, height } = part;
        return {
          media_type: "image/png",
          base64: toBase64(png),
          width,
          height,
        };
      }
    }
    if (!isLimitTold) {
      isLimitTold = true;
      onLimit(
        `Some items have no crop: ${MAX_CROPS} crops and ${MAX_CROP_BYTES / 1e6} MB of them are made at most. Raise min_score, or ask for fewer tasks at a time.`,
      );
    }
    return null;
  };

  return {
    addInto(result) {
      for (const { region, items } of itemListsOf(result)) {
        for (const item of items) {
          const key = JSON.stringify([result.id, region?.index, item.id]);
          const crop = made.has(key) ? made.get(key)! : cut(item);
          made.set(key, crop);
          if (crop !== null) item.crop = crop;
        }
      }
    },
  };
}
