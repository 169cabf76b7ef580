// Reading what the model said out of results, whichever task it was.

import type { Box, Point } from "../../shared/geometry.ts";
import type { TaskPayload } from "../../shared/tasks/index.ts";
import type { AnsweredItem, Shape } from "./measure.ts";

/** The result of an ask as its task gives it; null if the task failed. */
export function resultOf<Name extends TaskPayload["task"]>(
  { results }: AnsweredItem,
  id: string,
  task: Name,
): Extract<TaskPayload, { task: Name }> | null {
  const result = results.get(id);
  if (result === undefined || result.status === "error") return null;
  if (result.task !== task) {
    throw new Error(`internal: the answer ${id} is one of ${result.task}`);
  }
  // The task of a result tells which it is.
  return result as Extract<TaskPayload, { task: Name }>;
}

/** A box as a shape. */
export function boxShape(label: string, box: Box): Shape {
  return { label, points: cornersOf(box) };
}

/** The corners of a box, clockwise from the top left. */
export function cornersOf({ x_min, y_min, x_max, y_max }: Box): Point[] {
  return [
    [x_min, y_min],
    [x_max, y_min],
    [x_max, y_max],
    [x_min, y_max],
  ];
}

/** The rings of an outline as shapes. */
export function ringShapes(
  label: string,
  rings: readonly (readonly Point[])[],
): Shape[] {
  return rings.map((points) => ({ label, points }));
}

/** Rings of numbers as rings of points. */
export function pointRings(rings: readonly (readonly number[])[]): Point[][] {
  return rings.map((ring) => {
    const points: Point[] = [];
    for (let at = 0; at + 1 < ring.length; at += 2) {
      points.push([ring[at]!, ring[at + 1]!]);
    }
    return points;
  });
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
