// A form of n8n, filled in as its page does: sent, then asked for its end.

import { setTimeout as wait } from "node:timers/promises";
import { readPhoto } from "./bench.ts";
import type { N8n } from "./n8n-process.ts";

/** The page that a form ends with. */
export interface EndPage {
  /** What stands on it. */
  readonly html: string;
  /** Files that it hands to the browser. */
  readonly files: readonly {
    readonly fileName: string;
    readonly bytes: Uint8Array;
  }[];
}

/** What a page holds of a file: a buffer as JSON, or one character a byte. */
interface PageFile {
  readonly fileName: string;
  readonly data: string | { readonly data: readonly number[] };
}

/**
 * Sends a photo of the examples through the first field of a published form.
 *
 * @param path of the form, after `/form/`.
 */
export async function submitForm(
  n8n: N8n,
  path: string,
  photo: string,
): Promise<EndPage> {
  const form = new FormData();
  form.append(
    "field-0",
    new Blob([readPhoto(photo)], { type: "image/jpeg" }),
    photo,
  );
  const address = `${n8n.origin}/form/${path}`;
  const sent = await retryUnpublished(() =>
    fetch(address, { method: "POST", body: form }),
  );
  const { formWaitingUrl } = (await sent.json()) as {
    readonly formWaitingUrl?: string;
  };
  if (formWaitingUrl === undefined)
    throw new Error(`${address} has no end page`);
  return await endOf(new URL(formWaitingUrl));
}

/** A workflow is published some time after it was told to be: asks until then. */
export async function retryUnpublished(
  ask: () => Promise<Response>,
): Promise<Response> {
  let response = await ask();
  for (let tries = 0; response.status === 404 && tries < 50; tries += 1) {
    await wait(200);
    response = await ask();
  }
  return response;
}

/** Waits as the page does, which asks how the execution is. */
async function endOf(address: URL): Promise<EndPage> {
  const status = new URL(address);
  status.pathname += "/n8n-execution-status";
  for (let tries = 0; tries < 150; tries += 1) {
    const said = (await (await fetch(status)).text()).trim();
    if (said === "form-waiting") {
      const html = await (await fetch(address)).text();
      const [, files = ""] = /const binaries = "([^"]*)"/u.exec(html) ?? [];
      return { html, files: readFiles(files) };
    }
    if (said !== "running") throw new Error(`the form ended with ${said}`);
    await wait(200);
  }
  throw new Error("the form did not end within 30 s");
}

function readFiles(encoded: string): EndPage["files"] {
  const files = JSON.parse(decodeURIComponent(encoded) || "[]") as PageFile[];
  return files.map(({ fileName, data }) => ({
    fileName,
    bytes:
      typeof data === "string"
        ? Buffer.from(data, "latin1")
        : Uint8Array.from(data.data),
  }));
}
