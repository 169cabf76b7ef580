// The script of the page: opens the model in the box, answers each photo that is
// dropped with a caption and boxes. `serve.ts` bundles it.

import {
  isFlorenceError,
  openFlorence,
  type Envelope,
} from "florence-at-the-edge/browser";

const REQUEST = {
  tasks: [
    { task: "caption", id: "caption" },
    { task: "detect", id: "boxes" },
  ],
  // Boxes in shares of the picture's sides, whatever size it is shown in.
  options: { coordinates: "normalized" },
};

const drop = element("drop");
const file = element("file") as HTMLInputElement;
const figure = element("figure");
const caption = element("caption");
const status = element("status");

const opening = openFlorence({ bundle: "model/" });
opening.then(({ backend }) => {
  const { model, device, threads, dropped } = backend;
  const reasons = dropped.map(({ what, reason }) => ` No ${what}: ${reason}`);
  const count = threads === 1 ? "one thread" : `${threads} threads`;
  status.textContent = `${model} is ready: ${device} kernels, ${count}.${reasons.join("")}`;
}, show);

file.addEventListener("change", () => void answer(file.files?.[0]));
for (const type of ["dragover", "dragleave", "drop"] as const) {
  drop.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", type === "dragover");
    if (type === "drop") void answer(event.dataTransfer?.files[0]);
  });
}

/** Shows a photo, and what the model says of it. */
async function answer(photo: File | undefined): Promise<void> {
  if (photo === undefined) return;
  const image = document.createElement("img");
  image.alt = photo.name;
  image.src = URL.createObjectURL(photo);
  figure.replaceChildren(image);
  caption.textContent = "";
  status.textContent = "Looking …";
  try {
    const florence = await opening;
    const start = performance.now();
    const envelope = await florence.analyze(photo, REQUEST, {
      // Words as they come.
      events: {
        token({ delta }) {
          caption.append(delta);
        },
      },
    });
    draw(envelope);
    const seconds = ((performance.now() - start) / 1000).toFixed(2);
    status.textContent = `${seconds} s on ${florence.backend.threads} thread(s).`;
  } catch (error) {
    show(error);
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

function draw({ results }: Envelope): void {
  for (const result of results) {
    if (result.status === "error") {
      caption.append(` ${result.task} failed: ${result.problem.detail}`);
    } else if (result.task === "caption") {
      caption.textContent = result.text;
    } else if (result.task === "detect") {
      drawBoxes(result.objects);
    }
  }
}

/** What `detect` finds, as far as it is drawn. */
interface Found {
  readonly label: string;
  readonly score: number;
  readonly box: Record<"x_min" | "y_min" | "x_max" | "y_max", number>;
}

function drawBoxes(objects: readonly Found[]): void {
  for (const { label, score, box } of objects) {
    const name = document.createElement("span");
    name.textContent = `${label} ${score.toFixed(2)}`;
    const frame = document.createElement("div");
    frame.className = "box";
    const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
    Object.assign(frame.style, {
      left: percent(box.x_min),
      top: percent(box.y_min),
      width: percent(box.x_max - box.x_min),
      height: percent(box.y_max - box.y_min),
    });
    frame.append(name);
    figure.append(frame);
  }
}

function show(error: unknown): void {
  // What the model tells is for people; anything else is a bug.
  status.textContent = isFlorenceError(error) ? error.message : String(error);
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`internal: the page has no #${id}`);
  return found;
}
