// How far a long run has come, on standard error and only for eyes.

import { Presets, SingleBar } from "cli-progress";
import type { Output } from "./io.ts";

/** A bar that stands below whatever else is printed. */
export interface Progress {
  /** @param note what is being worked on. */
  update(done: number, note: string): void;
  /** Takes the bar away while `print` writes, then puts it back. */
  aside(print: () => void): void;
  stop(): void;
}

/** A bar on a terminal; nothing where there is none, or nothing to wait for. */
export function startProgress(
  output: Output,
  total: number,
  unit: string,
): Progress {
  if (!output.isTTY || total < 2) {
    return {
      update: () => undefined,
      aside: (print) => {
        print();
      },
      stop: () => undefined,
    };
  }
  const room = Math.max(10, Math.min(30, output.columns - 60));
  const bar = new SingleBar(
    {
      stream: withoutJumps(output),
      format: `{bar} {value}/{total} ${unit}  {eta_formatted}  {note}`,
      barsize: room,
      hideCursor: true,
      clearOnComplete: true,
      // Ctrl-C is ours.
      gracefulExit: false,
      // Drawn again after `aside`, though nothing in it changed.
      forceRedraw: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { note: "" });
  return {
    update(done, note) {
      bar.update(done, {
        note: note.slice(0, Math.max(0, output.columns - room - 36)),
      });
      bar.render();
    },
    aside(print) {
      output.write("\r\u001B[2K");
      print();
      bar.render();
    },
    stop() {
      bar.stop();
    },
  };
}

/**
 * The output as the stream a bar asks for, of which it uses no more. Saved and
 * restored cursors are left out: they would jump above what was printed since.
 */
function withoutJumps(output: Output): NodeJS.WritableStream {
  const stream = {
    isTTY: output.isTTY,
    columns: output.columns,
    write: (text: string) =>
      text === "\u001B7" || text === "\u001B8" || output.write(text) !== false,
  };
  return stream as unknown as NodeJS.WritableStream;
}
