// Server-sent events (HTML Living Standard, section 9.2) as an answer.

/** A silent connection may be cut by whatever stands between. */
const HEARTBEAT_MS = 15_000;

/** Writes one event, or several: whole blocks, made by `eventBlock`. */
export type WriteEvent = (block: string) => void;

/** One event as text; its data is written as JSON. */
export function eventBlock(
  data: unknown,
  {
    id,
    event,
  }: { readonly id?: number | string; readonly event?: string } = {},
): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    `data: ${JSON.stringify(data)}`,
  ];
  return `${lines.join("\n")}\n\n`;
}

export interface EventStreamOptions {
  /** Called once when the client is gone before the end. */
  readonly onGone: () => void;
  /** The last event where the work fails. */
  readonly describeError: (error: unknown) => string;
  /** Between comments that keep the connection open; 15 s if left out. */
  readonly heartbeatMs?: number;
}

/**
 * Answers with events while `produce` works.
 *
 * The answer begins with the first event or heartbeat: what fails before is
 * thrown, so that it becomes an answer with a status of its own.
 *
 * @throws whatever `produce` throws before it has sent anything.
 */
export async function eventStream(
  produce: (write: WriteEvent) => Promise<void>,
  options: EventStreamOptions,
): Promise<Response> {
  const { onGone, describeError, heartbeatMs = HEARTBEAT_MS } = options;
  const encoder = new TextEncoder();
  const begun = Promise.withResolvers<undefined>();
  let hasBegun = false;
  let isOpen = true;
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  const early: Uint8Array[] = [];

  const write = (text: string): void => {
    if (!isOpen) return;
    const bytes = encoder.encode(text);
    if (controller === null) early.push(bytes);
    else controller.enqueue(bytes);
    hasBegun = true;
    begun.resolve(undefined);
  };
  const heartbeat = setInterval(() => {
    write(": waiting\n\n");
  }, heartbeatMs);

  const end = (): void => {
    clearInterval(heartbeat);
    if (isOpen) controller?.close();
    isOpen = false;
  };
  const work = produce(write).then(
    () => {
      begun.resolve(undefined);
      end();
    },
    (error: unknown) => {
      if (hasBegun) write(describeError(error));
      else begun.reject(error);
      end();
    },
  );

  await begun.promise;
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      for (const bytes of early) given.enqueue(bytes);
      controller = given;
      if (!isOpen) given.close();
    },
    cancel() {
      clearInterval(heartbeat);
      if (!isOpen) return;
      isOpen = false;
      onGone();
    },
  });
  void work;
  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      // nginx holds answers back unless told otherwise.
      "X-Accel-Buffering": "no",
    },
  });
}
