// What a chat asks: one picture, and a prompt that is a task's name.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { nearestWord } from "../../shared/schema/nearest.ts";
import {
  findTask,
  parseSpelling,
  parseTask,
  TASKS,
  type TaskRequest,
} from "../../shared/tasks/index.ts";
import {
  parseImageReference,
  type ImageReference,
} from "../analyze/image-reference.ts";

const TextPart = v.strictObject({
  type: v.literal("text"),
  text: v.string(),
});

const ImagePart = v.strictObject({
  type: v.literal("image_url"),
  image_url: v.strictObject({
    /** `https:` or `data:`. */
    url: v.string(),
    detail: v.exactOptional(v.picklist(["auto", "low", "high"])),
  }),
});

/** A message of a chat; all but the last of the user are not looked at. */
export const MessageSchema = v.looseObject({
  role: v.picklist(["system", "developer", "user", "assistant"]),
  content: v.union([v.string(), v.array(v.union([TextPart, ImagePart]))]),
});

export type Message = v.InferOutput<typeof MessageSchema>;

/** What the last message of the user asks. */
export interface ChatPrompt {
  readonly image: ImageReference;
  readonly task: TaskRequest;
}

/**
 * Reads the last message of the user: one picture, and a text such as
 * `caption`, `ocr:lines`, `detect_open: dog, cat`, `ground: a red bicycle` or
 * `describe_regions: {"regions": [...]}`.
 *
 * @throws FlorenceError with every code of a caller's mistake.
 */
export function parseChat(messages: readonly Message[]): ChatPrompt {
  const index = messages.findLastIndex(({ role }) => role === "user");
  const pointer = `/messages/${Math.max(0, index)}/content`;
  const content = messages[index]?.content;
  if (content === undefined || typeof content === "string") {
    throw invalid(
      pointer,
      "the last message of the user needs an image_url part beside its text",
    );
  }
  const urls = content.flatMap((part) =>
    part.type === "image_url" ? [part.image_url.url] : [],
  );
  const [url] = urls;
  if (url === undefined || urls.length > 1) {
    throw invalid(
      pointer,
      `the last message of the user has ${urls.length} image_url parts; it takes one`,
    );
  }
  const prompt = content
    .flatMap((part) => (part.type === "text" ? [part.text] : []))
    .join(" ")
    .trim();
  return { image: imageOf(url, pointer), task: parsePrompt(prompt, pointer) };
}

function imageOf(url: string, pointer: string): ImageReference {
  if (!url.startsWith("data:")) return parseImageReference({ url }, pointer);
  const [, base64] = /^data:[^,]*;base64,(.*)$/su.exec(url) ?? [];
  if (base64 === undefined) {
    throw invalid(
      pointer,
      "the data: URL of the image is not base64; write data:image/jpeg;base64,…",
    );
  }
  return parseImageReference({ base64 }, pointer);
}

function parsePrompt(prompt: string, pointer: string): TaskRequest {
  if (prompt === "") {
    throw invalid(
      pointer,
      `there is no text; name a task: ${TASKS.map(({ spelling }) => spelling).join(", ")}`,
    );
  }
  const { head, rest } = splitPrompt(prompt);
  const named = parseSpelling(head);
  const task = findTask(head)!;
  if (rest === "") return parseTask(named, pointer);
  if (rest.startsWith("{")) {
    return parseTask({ ...parseFields(rest, pointer), ...named }, pointer);
  }
  const [input] = task.inputs.filter((name) => name !== "regions");
  if (input === undefined || task.inputs.includes("regions")) {
    throw invalid(
      pointer,
      task.inputs.length === 0
        ? `${head} takes nothing after its name`
        : `${head} takes its fields as JSON: ${head}: {"regions":[...]}`,
    );
  }
  const value =
    input === "labels" ? rest.split(",").map((label) => label.trim()) : rest;
  return parseTask({ ...named, [input]: value }, pointer);
}

/** The longest spelling of a task the prompt begins with, and what follows. */
function splitPrompt(prompt: string): {
  readonly head: string;
  readonly rest: string;
} {
  if (findTask(prompt) !== undefined) return { head: prompt, rest: "" };
  let found: string | null = null;
  for (
    let at = prompt.indexOf(":");
    at >= 0;
    at = prompt.indexOf(":", at + 1)
  ) {
    const head = prompt.slice(0, at).trim();
    if (findTask(head) !== undefined) found = prompt.slice(0, at);
    if (at > 64) break;
  }
  if (found !== null) {
    return {
      head: found.trim(),
      rest: prompt.slice(found.length + 1).trim(),
    };
  }
  // Free words are no name of a task: the name that was meant may be the first.
  const first = prompt.split(/[:\s]/u, 1)[0] ?? "";
  const spellings = TASKS.map(({ spelling }) => spelling);
  const isName = nearestWord(first, spellings) !== null;
  return { head: isName ? first : prompt.slice(0, 60), rest: "" };
}

function parseFields(text: string, pointer: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new FlorenceError(
      "invalid_request",
      `What follows the task's name begins with { but is not JSON.`,
      { cause, errors: [{ pointer, detail: "not JSON" }] },
    );
  }
}

function invalid(pointer: string, detail: string): FlorenceError {
  return new FlorenceError("invalid_request", `${pointer}: ${detail}.`, {
    errors: [{ pointer, detail }],
  });
}
