// Server-sent events of an answer, as a client reads them.

export interface ReadEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads events until the answer ends; comments are left out. */
export async function readEvents(response: Response): Promise<ReadEvent[]> {
  const events: ReadEvent[] = [];
  for (const block of (await response.text()).split("\n\n")) {
    const lines = block.split("\n").filter((line) => !line.startsWith(":"));
    if (lines.join("") === "") continue;
    const fields = new Map(
      lines.map((line): [string, string] => {
        const at = line.indexOf(": ");
        return [line.slice(0, at), line.slice(at + 2)];
      }),
    );
    events.push({
      id: fields.get("id") ?? "",
      event: fields.get("event") ?? "message",
      data: JSON.parse(fields.get("data") ?? "null") as ReadEvent["data"],
    });
  }
  return events;
}
