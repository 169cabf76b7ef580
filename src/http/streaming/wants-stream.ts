// Which form of an answer a client would rather have.

const STREAM = "text/event-stream";
const JSON_TYPES = ["application/json", "application/*", "*/*"];

/**
 * Whether `Accept` asks for events: they are named, and JSON is not wanted
 * more, nor as much and named before them.
 */
export function wantsStream(request: Request): boolean {
  const ranges = (request.headers.get("Accept") ?? "*/*")
    .split(",")
    .map(parseRange);
  const stream = ranges.find(({ type }) => type === STREAM);
  if (stream === undefined || stream.quality === 0) return false;
  return ranges.every(
    (range) =>
      !JSON_TYPES.includes(range.type) ||
      range.quality < stream.quality ||
      (range.quality === stream.quality &&
        (range.type.includes("*") ||
          ranges.indexOf(stream) < ranges.indexOf(range))),
  );
}

function parseRange(text: string): {
  readonly type: string;
  readonly quality: number;
} {
  const [type = "", ...parameters] = text.toLowerCase().split(";");
  const stated = parameters
    .map((parameter) => parameter.trim())
    .find((parameter) => parameter.startsWith("q="));
  const quality = stated === undefined ? 1 : Number(stated.slice(2));
  return { type: type.trim(), quality: Number.isNaN(quality) ? 1 : quality };
}
