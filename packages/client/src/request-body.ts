// A request with a picture at hand goes as multipart; one that names its
// picture, as JSON.

import type { ImageReference } from "./schemas.ts";
import type { SendOptions } from "./transport.ts";

/** A picture: its bytes, or where the service finds it. */
export type ImageInput =
  ImageReference | Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Body and headers of a request about one picture. */
export function imageBody(
  image: ImageInput,
  asked: object,
): Pick<SendOptions, "json" | "body"> {
  const blob = blobOf(image);
  if (blob === null) return { json: { image, ...asked } };
  return {
    body: () => {
      const form = new FormData();
      form.set("image", blob, "image");
      form.set("request", JSON.stringify(asked));
      return form;
    },
  };
}

function blobOf(image: ImageInput): Blob | null {
  if (image instanceof Blob) return image;
  if (image instanceof ArrayBuffer || ArrayBuffer.isView(image)) {
    return new Blob([image]);
  }
  return null;
}
