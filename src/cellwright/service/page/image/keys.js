// What the keys do while the board has the focus.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @typedef {object} Deeds
 * @property {(dx: number, dy: number) => void} arrow to the next cell that way, or move the image.
 * @property {(dx: number, dy: number) => void} nudge move the chosen cell.
 * @property {(dx: number, dy: number) => void} grow make it wider or higher.
 * @property {(by: 1 | -1) => void} step
 * @property {(by: 1 | -1) => void} image
 * @property {(factor: number) => void} zoom
 * @property {() => void} fit
 * @property {() => void} remove
 * @property {() => void} add
 * @property {() => void} leave
 * @property {(at: number) => void} relabel
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {() => void} save
 */

/**
 * @param {KeyboardEvent} event
 * @param {Deeds} deeds
 */
export function onKey(event, deeds) {
  const deed = deedOf(event, deeds);
  if (!deed) return;
  event.preventDefault();
  deed();
}

function deedOf(event, deeds) {
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (name in ARROWS) {
    const [dx, dy] = ARROWS[name];
    if (event.shiftKey) return () => deeds.nudge(dx, dy);
    if (event.altKey) return () => deeds.grow(dx, dy);
    return event.ctrlKey || event.metaKey ? null : () => deeds.arrow(dx, dy);
  }
  if (event.ctrlKey || event.metaKey) {
    if (name === "z") return event.shiftKey ? deeds.redo : deeds.undo;
    return { y: deeds.redo, s: deeds.save }[name];
  }
  if (event.altKey) return null;
  if (/^[1-9]$/.test(name)) return () => deeds.relabel(Number(name) - 1);
  return {
    n: () => deeds.step(1),
    p: () => deeds.step(-1),
    PageDown: () => deeds.image(1),
    PageUp: () => deeds.image(-1),
    "+": () => deeds.zoom(1.25),
    "=": () => deeds.zoom(1.25),
    "-": () => deeds.zoom(0.8),
    0: deeds.fit,
    Delete: deeds.remove,
    Backspace: deeds.remove,
    a: deeds.add,
    Escape: deeds.leave,
  }[name];
}
