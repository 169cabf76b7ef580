// How the contact sheet looks, in light and dark.

/** The sheet's only style sheet. */
export const SHEET_STYLE = `
:root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif; }
body { margin: 1.5rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: .85rem; margin: .5rem 0 .2rem; overflow-wrap: anywhere; }
small { font-weight: normal; opacity: .65; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
td:nth-child(3), td:nth-child(4), th:nth-child(3), th:nth-child(4) { text-align: right; }
.switch { position: sticky; top: 0; display: inline-block; padding: .4rem .8rem; background: Canvas; border: 1px solid #8884; border-radius: .5rem; z-index: 1; }
main { columns: 320px; column-gap: 1.2rem; margin-top: 1rem; }
article { break-inside: avoid; margin-bottom: 1.2rem; border: 1px solid #8884; border-radius: .5rem; padding: .6rem; }
article.dropped { background: #f003; }
.photo { position: relative; }
.photo svg { display: block; width: 100%; height: auto; max-height: 70vh; }
.photo svg.removed { position: absolute; inset: 0; height: 100%; }
.removed rect { fill: none; stroke: #fff; stroke-width: 1px; stroke-dasharray: 5 4; vector-effect: non-scaling-stroke; filter: drop-shadow(0 0 1px #000); }
.removed text { fill: #fff; stroke: #000; stroke-width: 3px; paint-order: stroke; vector-effect: non-scaling-stroke; }
body:not(:has(#show:checked)) article:not(:has(details[open])) .removed { display: none; }
ul, ol { margin: .2rem 0; padding-left: 1.2rem; }
.why { color: #c00; margin: .2rem 0; }
.tags { margin: .2rem 0; opacity: .8; }
mark { background: #fd08; color: inherit; }
.removed g:hover rect { stroke: #ff0; stroke-width: 3px; }
details { margin-top: .3rem; }
`;
