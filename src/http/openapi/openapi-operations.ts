// The document of the API, for programs and for people.

import type { Host } from "../host.ts";
import type { Operation } from "../operation.ts";
import { docsPage } from "./docs-page.ts";
import { openApiDocument, type OpenApiDocument } from "./openapi-document.ts";

/** Nothing of the page runs: it is text and styles. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** @param others every other operation of the service. */
export function openApiOperations(
  host: Host,
  others: readonly Operation[],
): readonly Operation[] {
  let document: OpenApiDocument | null = null;
  const documentOf = (): OpenApiDocument =>
    (document ??= openApiDocument([...others, ...own], host.config.public_url));
  const own: readonly Operation[] = [
    {
      method: "GET",
      path: "/openapi.json",
      operationId: "openapi",
      tag: "Documentation",
      summary: "This document",
      access: "public",
      responses: {
        200: {
          description: "OpenAPI 3.1.",
          content: { "application/json": { type: "object" } },
        },
      },
      problems: [],
      handle: (context) => context.json(documentOf()),
    },
    {
      method: "GET",
      path: "/docs",
      operationId: "docs",
      tag: "Documentation",
      summary: "This document as a page",
      access: "public",
      responses: {
        200: {
          description: "A page without scripts or anything from elsewhere.",
          content: { "text/html": { type: "string" } },
        },
      },
      problems: [],
      handle: (context) => {
        context.header("Content-Security-Policy", PAGE_POLICY);
        return context.html(docsPage(documentOf()));
      },
    },
  ];
  return own;
}
