// Which binary field of an item is the picture.

import { BadInput } from "../shared/bad-input.ts";

interface BinaryField {
  readonly mimeType?: string;
}

/**
 * The key of the picture.
 *
 * A Webhook node calls a file `image` either `image`, `image0` or `data`,
 * depending on how it was sent: where the wanted key is not there, and exactly
 * one field is an image, that one is meant.
 *
 * @throws BadInput naming the keys there are.
 */
export function pickBinary(
  binary: Readonly<Record<string, BinaryField>> | undefined,
  wanted: string,
): string {
  const fields = Object.entries(binary ?? {});
  const field = fields.find(([key]) => key === wanted)?.[1];
  if (field !== undefined) {
    if (canBeImage(field)) return wanted;
    throw new BadInput(
      `The field "${wanted}" holds ${field.mimeType ?? "something"}, which is not an image`,
      `A picture is JPEG, PNG or WebP. ${namesOf(fields)}`,
    );
  }
  const images = fields.filter(([, one]) => isImage(one));
  const [only] = images;
  if (images.length === 1 && only !== undefined) return only[0];
  throw new BadInput(
    fields.length === 0
      ? `The item has no binary data, so no picture in "${wanted}"`
      : `The item has no binary field "${wanted}"`,
    fields.length === 0
      ? "Put a node that reads a file before this one, or choose another Image Source."
      : namesOf(fields),
  );
}

function isImage({ mimeType = "" }: BinaryField): boolean {
  return mimeType.startsWith("image/");
}

/** What does not say what it is goes to the service, which looks into it. */
function canBeImage(field: BinaryField): boolean {
  const { mimeType = "" } = field;
  return (
    isImage(field) || mimeType === "" || mimeType === "application/octet-stream"
  );
}

function namesOf(fields: readonly (readonly [string, BinaryField])[]): string {
  const names = fields.map(
    ([key, { mimeType = "unknown" }]) => `${key} (${mimeType})`,
  );
  return `Binary fields of the item: ${names.join(", ")}.`;
}
