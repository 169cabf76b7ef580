// Colors, where somebody sees them.

import { styleText } from "node:util";
import type { CliIo, Output } from "./io.ts";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Wraps a text in a style's escape codes, or gives it back as it is. */
export type Paint = (style: Style, text: string) => string;

/**
 * Colors on a terminal only, and never where `NO_COLOR` is set (no-color.org)
 * or the terminal is dumb.
 */
export function paintFor(output: Output, env: CliIo["env"]): Paint {
  const isColored =
    output.isTTY && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return (style, text) =>
    isColored && text !== ""
      ? styleText(style, text, { validateStream: false })
      : text;
}
