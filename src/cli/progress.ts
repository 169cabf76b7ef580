// How far a long run has come, on standard error and only for eyes.

import { Presets, SingleBar } from "cli-progress";
import type { Output } from "./io.ts";

/** A bar that stands below whatever else is printed. */
export interface Progress {
  /**
   * @param total may grow or be learned late.
   * @param note what is being worked on.
   */
  update(done: number, total: number, note: string): void;
  /** Takes the bar away while `print` writes, then puts it back. */
  aside(print: () => void): void;
  /** Takes the bar away for good. */
  stop(): void;
}

/** What is counted: `3/40 images`, or `1.2/23.0 MB`. */
export type ProgressUnit = "images" | "bytes";

/** A bar on a terminal; nothing elsewhere. It shows with the first `update`. */
export function createProgress(output: Output, unit: ProgressUnit): Progress {
  if (!output.isTTY) {
    return {
      update: () => undefined,
      aside: (print) => {
        print();
      },
      stop: () => undefined,
    };
  }
  const barWidth = Math.max(10, Math.min(30, output.columns - 60));
  const noteWidth = Math.max(0, output.columns - barWidth - 34);
  const bar = createBar(output, unit, barWidth);
  return {
    update(done, total, note) {
      const payload = { note: note.slice(-noteWidth) };
      if (!bar.isActive) bar.start(total, done, payload);
      bar.setTotal(total);
      bar.update(done, payload);
    },
    aside(print) {
      if (!bar.isActive) {
        print();
        return;
      }
      output.write("\r\u001B[2K");
      print();
      bar.render();
    },
    stop() {
      bar.stop();
    },
  };
}

function createBar(
  output: Output,
  unit: ProgressUnit,
  barsize: number,
): SingleBar {
  const amount =
    unit === "images" ? "{value}/{total} images" : "{value}/{total} MB";
  return new SingleBar(
    {
      stream: withoutJumps(output),
      format: `{bar} ${amount}  {eta_formatted}  {note}`,
      barsize,
      hideCursor: true,
      clearOnComplete: true,
      formatTime: formatSeconds,
      // Ctrl-C is ours.
      gracefulExit: false,
      // Drawn again after `aside`, though nothing in it changed.
      forceRedraw: true,
      formatValue: (value, _, type) =>
        unit === "bytes" && (type === "value" || type === "total")
          ? (value / 1e6).toFixed(1)
          : String(value),
    },
    Presets.shades_classic,
  );
}

/** `8s`, `2m05s`; nothing while there is no rate to tell it from. */
function formatSeconds(seconds: number | string): string {
  if (typeof seconds === "string") return "";
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds}s`;
  return `${minutes}m${String(seconds % 60).padStart(2, "0")}s`;
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
