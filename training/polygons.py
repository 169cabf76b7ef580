"""
From the map of the outline head to polygons: THE reference of `src/shared/model/towers/outline.ts`.

The map [S,S] holds, for a grid over what the tower looked at, how sure it is that the thing is there. Polygons run where it crosses
zero (marching squares), without specks and holes, with few points.

Used by model.py; alone, `python polygons.py` draws a circle's map and prints its polygon (at once).
"""

import math

import numpy as np

LEAST_SHARE = 0.1  # rings below this share of the largest are left out
MOST_POINTS = 64  # of one ring
STRAY = 1.0  # bins that a simplified ring may stray at first

# A square of four neighbours, by which of them are in (1 bottom left, 2 bottom right, 4 top right, 8 top left) -> lines from edge to
# edge (x0, y0, x1, y1), what is in on their left. As d3-contour has them, which the product uses.
CASES = [
    [], [(1.0, 1.5, 0.5, 1.0)], [(1.5, 1.0, 1.0, 1.5)], [(1.5, 1.0, 0.5, 1.0)], [(1.0, 0.5, 1.5, 1.0)],
    [(1.0, 1.5, 0.5, 1.0), (1.0, 0.5, 1.5, 1.0)], [(1.0, 0.5, 1.0, 1.5)], [(1.0, 0.5, 0.5, 1.0)], [(0.5, 1.0, 1.0, 0.5)],
    [(1.0, 1.5, 1.0, 0.5)], [(0.5, 1.0, 1.0, 0.5), (1.5, 1.0, 1.0, 1.5)], [(1.5, 1.0, 1.0, 0.5)], [(0.5, 1.0, 1.5, 1.0)],
    [(1.0, 1.5, 1.5, 1.0)], [(0.5, 1.0, 1.0, 1.5)], [],
]


def rings_of(values):
    """values [h,w] -> rings around what is zero or more, without holes: lists of (x, y), where row r, column c stands at
    (c + 0.5, r + 0.5). All beyond the grid is out, and a ring that meets its border runs on it."""
    h, w = values.shape
    is_in = np.pad(values >= 0, 1).astype(int)
    follows = {}
    for r in range(-1, h):
        for c in range(-1, w):
            corners = is_in[r + 1 : r + 3, c + 1 : c + 3]
            case = corners[1, 0] | corners[1, 1] << 1 | corners[0, 1] << 2 | corners[0, 0] << 3
            for x0, y0, x1, y1 in CASES[case]:
                follows[(x0 + c, y0 + r)] = (x1 + c, y1 + r)

    def moved(x, y):
        """From the middle between two neighbours to where a line between them is zero."""
        column, row = int(x), int(y)
        if x == column and 0 < x < w:
            before, after = float(values[row, column - 1]), float(values[row, column])
            return x + -before / (after - before) - 0.5, y
        if y == row and 0 < y < h:
            before, after = float(values[row - 1, column]), float(values[row, column])
            return x, y + -before / (after - before) - 0.5
        return x, y

    rings = []
    while follows:
        point = start = next(iter(follows))
        ring = []
        while point in follows:
            ring.append(moved(*point))
            point = follows.pop(point)
        assert point == start
        if area_of(ring) < 0:  # the others are holes
            rings.append(ring[::-1])
    return rings


def area_of(ring):
    """Positive where the ring runs clockwise as one looks at the picture."""
    return sum(x0 * y1 - y0 * x1 for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1])) / 2


def simplified(ring, stray):
    """Leaves out points within `stray` of the line between those that stay (Douglas and Peucker, 1973). Begins at the ring's first
    point and at the one farthest from it."""
    if len(ring) < 4:
        return ring
    x0, y0 = ring[0]
    away = [math.hypot(x - x0, y - y0) for x, y in ring]
    far = away.index(max(away))
    return simplified_line(ring[: far + 1], stray)[:-1] + simplified_line(ring[far:] + ring[:1], stray)[:-1]


def simplified_line(line, stray):
    keep, open_ = {0, len(line) - 1}, [(0, len(line) - 1)]
    while open_:
        a, b = open_.pop()
        (x0, y0), (x1, y1) = line[a], line[b]
        length, worst, most = math.hypot(x1 - x0, y1 - y0), a, stray
        for i in range(a + 1, b):
            x, y = line[i]
            off = math.hypot(x - x0, y - y0) if length == 0 else abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length
            if off > most:
                worst, most = i, off
        if worst > a:
            keep.add(worst)
            open_ += [(a, worst), (worst, b)]
    return [p for i, p in enumerate(line) if i in keep]


def outline_of(logits, crop, box, size):
    """The outline of the thing in a region. logits [S,S] float32; crop: the corners of what the tower looked at, box: those of the
    region, in pixels of a picture of this size (w, h).

    -> rings of bins [[x, y, x, y, ...]], the largest first, clockwise from the topmost point; and the mean probability of what is in.
    No ring where nothing is."""
    (left, top, right, bottom), S = crop, logits.shape[0]
    within = lambda v, low, high: min(high, max(low, v))
    rings = []
    for ring in rings_of(logits):
        ring = [(within(left + x / S * (right - left), box[0], box[2]) / size[0] * 1000,
                 within(top + y / S * (bottom - top), box[1], box[3]) / size[1] * 1000) for x, y in ring]
        begin = min(range(len(ring)), key=lambda i: (ring[i][1], ring[i][0]))
        rings.append(ring[begin:] + ring[:begin])
    rings.sort(key=lambda ring: -area_of(ring))
    told = []
    for ring in rings:
        if area_of(ring) < LEAST_SHARE * area_of(rings[0]):
            continue
        stray = STRAY
        while len(short := simplified(ring, stray)) > MOST_POINTS:
            stray *= 2
        bins = [(min(999, max(0, math.floor(x))), min(999, max(0, math.floor(y)))) for x, y in short]
        bins = [p for i, p in enumerate(bins) if p != bins[i - 1]]
        if len(bins) >= 3:
            told.append([v for p in bins for v in p])
    is_in = logits >= 0
    score = float((1 / (1 + np.exp(-logits[is_in].astype(np.float64)))).mean()) if is_in.any() else 0.0
    return told, score


def pixels_of(rings, size):
    """Rings of bins -> lists of corners in pixels: a bin stands for its middle."""
    return [[((x + 0.5) / 1000 * size[0], (y + 0.5) / 1000 * size[1]) for x, y in zip(ring[::2], ring[1::2])] for ring in rings]


def outline_ids(rings, tokenizer):
    """Rings of bins -> location ids, parted by <sep>."""
    first, ids = tokenizer.token_to_id("<loc_0>"), []
    for ring in rings:
        ids += ([tokenizer.token_to_id("<sep>")] if ids else []) + [first + v for v in ring]
    return ids


def with_outlines(ids, outlines, tokenizer):
    """An answer in which each box (four location ids) is told as its outline: alone, or several between <poly> and </poly>. outlines:
    {box ids: outline ids}; a box that is not among them is told as a rectangle. Locations that make no box are left out."""
    first, parts, run = tokenizer.token_to_id("<loc_0>"), [], []
    for i in ids:
        run = run + [i] if first <= i < first + 1000 else []
        if not run:
            parts.append((i,))
        elif len(run) == 4:
            parts, run = parts + [tuple(run)], []
    several, out = sum(len(p) == 4 for p in parts) > 1, []
    for part in parts:
        if len(part) == 4:
            x1, y1, x2, y2 = part
            ring = outlines.get(part) or [x1, y1, x2, y1, x2, y2, x1, y2]
            part = [tokenizer.token_to_id("<poly>"), *ring, tokenizer.token_to_id("</poly>")] if several else ring
        out += part
    return out


if __name__ == "__main__":
    y, x = np.mgrid[:65, :65]
    print(outline_of((20 - np.hypot(x - 32, y - 32)).astype(np.float32), (0, 0, 260, 260), (0, 0, 260, 260), (260, 260)))
