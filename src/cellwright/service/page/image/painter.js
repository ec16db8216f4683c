// Draws cells over the image: outlines or boxes, fill, labels, the chosen one.

import { colourOf, dashOf } from "./palette.js";

const FINE = 4000;
const DOT_PX = 4;
const LABELLED = 600;
const HALO = "rgba(0, 0, 0, .6)";
const HANDLE_PX = 8;

/**
 * @typedef {import("./cells.js").Cell} Cell
 * @typedef {{outlines: boolean, fill: boolean, labels: boolean, hidden: Set<string>}} Layers
 */

/**
 * @param {CanvasRenderingContext2D} context whose unit is a screen pixel.
 * @param {import("./viewport.js").Viewport} view
 * @param {{cells: Cell[], chosen: Cell | null, classes: string[], layers: Layers,
 *   resizable: boolean}} scene cells: those within sight.
 */
export function paint(context, view, { cells, chosen, classes, layers, resizable }) {
  const visible = cells.filter((cell) => !layers.hidden.has(cell.class));
  const plain = visible.length > FINE;
  context.lineJoin = "round";
  classes.forEach((name, index) => {
    const mine = visible.filter((cell) => cell.class === name && cell !== chosen);
    if (mine.length) paintClass(context, view, mine, { index, layers, plain });
  });
  if (chosen) paintChosen(context, view, chosen, { index: classes.indexOf(chosen.class), resizable });
  if (layers.labels && visible.length <= LABELLED) paintLabels(context, view, visible, classes);
}

function paintClass(context, view, cells, { index, layers, plain }) {
  const path = new Path2D();
  for (const cell of cells) trace(path, view, cell);
  if (layers.fill) {
    context.globalAlpha = 0.3;
    context.fillStyle = colourOf(index);
    context.fill(path, "evenodd");
    context.globalAlpha = 1;
  }
  if (!layers.outlines) return;
  context.setLineDash([]);
  if (!plain) {
    context.lineWidth = 3.5;
    context.strokeStyle = HALO;
    context.stroke(path);
    context.setLineDash(dashOf(index));
  }
  context.lineWidth = plain ? 1 : 2;
  context.strokeStyle = colourOf(index);
  context.stroke(path);
  context.setLineDash([]);
}

function trace(path, view, { xyxy, rings }) {
  const [x0, y0] = view.toScreen(xyxy[0], xyxy[1]);
  const [x1, y1] = view.toScreen(xyxy[2], xyxy[3]);
  if (x1 - x0 < DOT_PX || y1 - y0 < DOT_PX || !rings) {
    path.rect(x0, y0, Math.max(1.5, x1 - x0), Math.max(1.5, y1 - y0));
    return;
  }
  for (const ring of rings) {
    ring.forEach(([x, y], at) => {
      const to = view.toScreen(x, y);
      if (at) path.lineTo(...to);
      else path.moveTo(...to);
    });
    path.closePath();
  }
}

function paintChosen(context, view, cell, { index, resizable }) {
  const path = new Path2D();
  trace(path, view, cell);
  context.fillStyle = "rgba(255, 255, 255, .18)";
  context.fill(path, "evenodd");
  for (const [width, colour] of [[7, HALO], [5, "#fff"], [2.5, colourOf(index)]]) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke(path);
  }
  if (!resizable || cell.rings) return;
  context.lineWidth = 1.5;
  context.strokeStyle = "#000";
  context.fillStyle = "#fff";
  for (const { x, y } of handlesOf(view, cell)) {
    context.fillRect(x - HANDLE_PX / 2, y - HANDLE_PX / 2, HANDLE_PX, HANDLE_PX);
    context.strokeRect(x - HANDLE_PX / 2, y - HANDLE_PX / 2, HANDLE_PX, HANDLE_PX);
  }
}

/** Corners of a box on the screen. @param {any} view @param {Cell} cell */
export function handlesOf(view, { xyxy: [x0, y0, x1, y1] }) {
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]].map(([x, y], corner) => {
    const [sx, sy] = view.toScreen(x, y);
    return { x: sx, y: sy, corner };
  });
}

function paintLabels(context, view, cells, classes) {
  context.font = "600 12px system-ui, sans-serif";
  context.textBaseline = "bottom";
  for (const cell of cells) {
    const text = labelOf(cell, classes);
    const [x, y] = view.toScreen(cell.xyxy[0], cell.xyxy[1]);
    const { width } = context.measureText(text);
    context.fillStyle = "rgba(0, 0, 0, .72)";
    context.fillRect(x - 3, y - 17, width + 6, 15);
    context.fillStyle = "#fff";
    context.fillText(text, x, y - 3);
  }
}

function labelOf(cell, classes) {
  const score = cell.score === null ? "" : cell.score.toFixed(2);
  if (classes.length === 1) return score || "by hand";
  return `${cell.class} ${score}`.trim();
}

/** What is being drawn by hand. @param {any} context @param {any} view @param {any[]} points */
export function paintDraft(context, view, points, closed) {
  if (points.length < 2) return;
  const path = new Path2D();
  points.forEach(([x, y], at) => {
    const to = view.toScreen(x, y);
    if (at) path.lineTo(...to);
    else path.moveTo(...to);
  });
  if (closed) path.closePath();
  for (const [width, colour] of [[4, HALO], [2, "#fff"]]) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke(path);
  }
}
