// Requests of a caller beside n8n: to look at the service, or to make it act.

import assert from "node:assert/strict";
import type { HttpTarget } from "../contract/http/http-case.ts";
import { readPhoto } from "./bench.ts";
import type { Item } from "./operation-cases.ts";

/** Asks the service with the key that n8n has, and takes only a good answer. */
export async function call(
  target: HttpTarget,
  method: string,
  path: string,
  body?: object,
): Promise<Item> {
  const response = await target.fetch(path, {
    method,
    headers: {
      Authorization: `Bearer ${target.keys.first}`,
      "Content-Type": "application/json",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Item);
}

/** Uploads a photo of the examples, and gives its id. */
export async function upload(
  target: HttpTarget,
  photo: string,
): Promise<string> {
  const made = await call(target, "POST", "/v1/uploads", {});
  const put = await fetch(String(made["url"]), {
    method: "PUT",
    headers: made["headers"] as Record<string, string>,
    body: readPhoto(photo),
  });
  assert.ok(put.ok, await put.text());
  return String(made["upload_id"]);
}
