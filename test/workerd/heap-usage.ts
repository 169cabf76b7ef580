// What an isolate's JavaScript heap holds, by the inspector's protocol.

import * as v from "valibot";

const Targets = v.array(
  v.looseObject({ id: v.string(), webSocketDebuggerUrl: v.string() }),
);

const Usage = v.object({
  result: v.looseObject({
    /** Objects in use. */
    usedSize: v.number(),
    /** Buffers outside of the heap, the kernels' memory with them. */
    backingStorageSize: v.optional(v.number(), 0),
  }),
});

export interface HeapUsage {
  readonly usedBytes: number;
  readonly bufferBytes: number;
}

/**
 * Asks the isolate of one Worker.
 *
 * @param inspector what `Miniflare.getInspectorURL` gives.
 * @param worker the Worker's name.
 */
export async function readHeapUsage(
  inspector: URL,
  worker: string,
): Promise<HeapUsage> {
  const list = new URL("/json/list", inspector);
  list.protocol = "http:";
  const targets = v.parse(Targets, await (await fetch(list)).json());
  const target = targets.find(({ id }) => id.endsWith(worker));
  if (target === undefined) {
    const ids = targets.map(({ id }) => id).join(", ");
    throw new Error(`No isolate ${worker} among ${ids}.`);
  }
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    const message = await new Promise<string>((resolve, reject) => {
      socket.addEventListener("error", () => {
        reject(new Error(`The inspector of ${worker} does not answer.`));
      });
      socket.addEventListener("open", () => {
        socket.send(JSON.stringify({ id: 1, method: "Runtime.getHeapUsage" }));
      });
      socket.addEventListener("message", ({ data }: MessageEvent<string>) => {
        if ((JSON.parse(data) as { readonly id?: number }).id === 1) {
          resolve(data);
        }
      });
    });
    const { result } = v.parse(Usage, JSON.parse(message));
    return {
      usedBytes: result.usedSize,
      bufferBytes: result.backingStorageSize,
    };
  } finally {
    socket.close();
  }
}
