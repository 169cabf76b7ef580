// The text of `src/schemas.ts`; a test holds the file to it.

import { format } from "prettier";
import { componentSchemas } from "../../src/http/openapi/component-schemas.ts";
import { typescriptTypes } from "../../src/http/openapi/typescript-types.ts";

const HEAD = `// What goes over the wire. Made by \`node packages/client/make-types.ts\` of the
// service's schemas; do not edit.

`;

/** Types of everything that OpenAPI calls by name. */
export async function clientTypes(): Promise<string> {
  return await format(HEAD + typescriptTypes(componentSchemas()), {
    parser: "typescript",
  });
}
