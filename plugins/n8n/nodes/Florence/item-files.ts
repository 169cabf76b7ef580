// The files of an item. A workflow whose setting `binaryMode` is "combined" has them
// among its JSON, under `_files`; all others have them beside it, in `binary`.

import { isObject, type Json } from "../shared/json.ts";

interface Item<File> {
  readonly json: Json;
  readonly binary?: Readonly<Record<string, File>>;
}

/** n8n's own name for the field. */
const FILES = "_files";

/** Whether the files of a workflow's items are among their JSON. */
export function isCombined(context: {
  getWorkflowSettings(): { readonly binaryMode?: string };
}): boolean {
  return context.getWorkflowSettings().binaryMode === "combined";
}

/**
 * The files of an item by their names.
 *
 * @param combined whether to read JSON, too. Else it must not be read: what a
 *   stranger sent could name a file of another execution.
 */
export function filesOfItem<File>(
  { json, binary = {} }: Item<File>,
  combined: boolean,
): Record<string, File> {
  if (!combined) return { ...binary };
  return { ...filesIn<File>(json), ...filesIn<File>(json[FILES]), ...binary };
}

/** `_files.data` to `data`: such a workflow names a file by its path. */
export function withoutFilesPrefix(name: string): string {
  return name.startsWith(`${FILES}.`) ? name.slice(FILES.length + 1) : name;
}

function filesIn<File>(value: unknown): Record<string, File> {
  const fields = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    fields.filter((field): field is [string, File & Json] => isFile(field[1])),
  );
}

/** As n8n itself tells a file from other values. */
function isFile(value: unknown): value is Json {
  return (
    isObject(value) && "mimeType" in value && ("data" in value || "id" in value)
  );
}
