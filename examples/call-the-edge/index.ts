// Sends a photo to an edge Worker and prints what it says. Any language that
// speaks HTTP does the same; the body is the photo as it is:
//
//     npm run dev                                                # one terminal
//     npx node examples/call-the-edge/index.ts [PHOTO] [ORIGIN]  # another
//
//     curl --data-binary @examples/photos/surfer.jpg -H "Content-Type: image/jpeg" \
//       "http://localhost:8787/v1/analyze?tasks=caption,detect"

import { readFile } from "node:fs/promises";
import process from "node:process";
import type { Envelope, Problem } from "florence-at-the-edge";

const photo = process.argv[2] ?? "examples/photos/surfer.jpg";
const origin = process.argv[3] ?? "http://localhost:8787";

const response = await fetch(`${origin}/v1/analyze?tasks=caption,detect`, {
  method: "POST",
  headers: { "Content-Type": "image/jpeg" },
  body: await readFile(photo),
});

if (response.ok) {
  const { results } = (await response.json()) as Envelope;
  for (const result of results) {
    if (result.task === "caption" && "text" in result) {
      console.log(result.text);
    }
    if (result.task === "detect" && "objects" in result) {
      for (const { label, score } of result.objects) {
        console.log(`${label} (${score.toFixed(2)})`);
      }
    }
  }
} else {
  // Every error is a problem document (RFC 9457).
  const { title, detail } = (await response.json()) as Problem;
  console.error(`${title}: ${detail}`);
  process.exitCode = 1;
}
