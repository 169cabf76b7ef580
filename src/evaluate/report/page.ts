// The frame of a page that stands alone: no script, no outside reference.

import { escapeXml } from "../../shared/render/escape-xml.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --dim: #667; --line: #d8dade; --paper: #fff; --soft: #f5f6f8; --true: #0a8f4d; --said: #d9480f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e9ec; --dim: #99a; --line: #3a3d44; --paper: #17181b; --soft: #212329; --true: #3ddc84; --said: #ff8c42; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.5rem 4rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1.5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .4rem 0; } .dim, figcaption { color: var(--dim); } code { font-size: .85em; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; }
.left { text-align: left; } th { font-weight: 600; color: var(--dim); }
.scroll { overflow-x: auto; } .better { color: var(--true); font-weight: 600; } .worse { color: var(--said); font-weight: 600; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--soft); border-radius: 6px; overflow: hidden; } figure svg { display: block; width: 100%; height: auto; max-height: 17rem; } figcaption { padding: .5rem .7rem .7rem; font-size: .8rem; line-height: 1.4; overflow-wrap: anywhere; }
.true { color: var(--true); } .said { color: var(--said); }
.plot { max-width: 26rem; } .plot text { fill: var(--dim); font-size: 11px; } .pair { display: flex; flex-wrap: wrap; gap: 2rem; }
`;

/** A whole page. */
export function page(title: string, body: readonly string[]): string {
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style></head><body>`,
    ...body,
    "</body></html>",
    "",
  ].join("\n");
}

/** A cell: text is escaped; `html` is taken as it is. */
export type Cell = string | { readonly html: string };

/**
 * A table.
 *
 * @param texts columns of words, to the left; the others are numbers.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  texts = 1,
): string {
  const cell = (one: Cell, column: number, tag: "td" | "th"): string => {
    const html = typeof one === "string" ? escapeXml(one) : one.html;
    return `<${tag}${column < texts ? ' class="left"' : ""}>${html}</${tag}>`;
  };
  const row = (cells: readonly Cell[], tag: "td" | "th"): string =>
    `<tr>${cells.map((one, column) => cell(one, column, tag)).join("")}</tr>`;
  return [
    `<div class="scroll"><table><thead>${row(head, "th")}</thead><tbody>`,
    ...rows.map((cells) => row(cells, "td")),
    "</tbody></table></div>",
  ].join("\n");
}

/** Three digits, `–` where there is no number. */
export function number(value: number | null): string {
  return value === null ? "–" : value.toFixed(3);
}

/** `0.412 to 0.517`. */
export function range(low: number | null, high: number | null): string {
  return low === null || high === null
    ? "–"
    : `${number(low)} to ${number(high)}`;
}
