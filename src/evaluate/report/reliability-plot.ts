// Scores against the share that is right, as a picture.

import type { ReliabilityBin } from "../metrics/calibration-error.ts";

const SIDE = 240;
const LEFT = 34;
const TOP = 8;
const BOTTOM = 34;

/**
 * A bar for each bin at the share that is right, as dark as there is much in
 * it; on the dashed line scores would be chances.
 */
export function reliabilityPlot(
  bins: readonly ReliabilityBin[],
  ece: number,
): string {
  const most = Math.max(1, ...bins.map(({ n }) => n));
  const x = (share: number) => fixed(LEFT + share * SIDE);
  const y = (share: number) => fixed(TOP + (1 - share) * SIDE);
  const bars = bins.flatMap(({ from, to, n, right, score }) => {
    if (right === null || score === null) return [];
    const width = (to - from) * SIDE - 1;
    const shade = fixed(0.25 + (0.75 * n) / most);
    const told = `${n} answers with scores from ${from.toFixed(2)} to ${to.toFixed(2)}: mean ${score.toFixed(2)}, right ${right.toFixed(2)}`;
    return [
      `<g><title>${told}</title><rect x="${x(from)}" y="${y(right)}" width="${fixed(width)}" height="${fixed(right * SIDE)}" fill="#3b6fd4" fill-opacity="${shade}"/>`,
      `<circle cx="${x(score)}" cy="${y(right)}" r="2.5" fill="#d9480f"/></g>`,
    ];
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<text x="${x(share)}" y="${TOP + SIDE + 14}" text-anchor="middle">${share}</text>`,
    `<text x="${LEFT - 6}" y="${y(share)}" text-anchor="end" dominant-baseline="middle">${share}</text>`,
  ]);
  const width = LEFT + SIDE + 12;
  const height = TOP + SIDE + BOTTOM;
  return [
    `<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="Reliability, expected calibration error ${ece.toFixed(3)}">`,
    `<rect x="${LEFT}" y="${TOP}" width="${SIDE}" height="${SIDE}" fill="none" stroke="#8886"/>`,
    ...bars,
    `<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" stroke="#888" stroke-dasharray="4 4"/>`,
    ...ticks,
    `<text x="${x(0.5)}" y="${TOP + SIDE + 29}" text-anchor="middle">score, and share that is right (up)</text>`,
    "</svg>",
  ].join("");
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}
