// Elements made and found without a template language.

const SVG = "http://www.w3.org/2000/svg";

/**
 * The element of this id.
 * @param {string} id
 * @returns {any}
 */
export const by = (id) => document.getElementById(id);

/**
 * An element with attributes (functions become listeners, null is left out) and children.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {any}
 */
export function make(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/**
 * The same for SVG.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {any}
 */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Up and Down, Home and End walk through the buttons of a list, which is one stop of Tab.
 * @param {KeyboardEvent} event
 * @param {HTMLElement[]} stops
 * @returns {HTMLElement | null} where the focus went.
 */
export function walk(event, stops) {
  const at = stops.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const last = stops.length - 1;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1,
    Home: 0, End: last }[event.key];
  if (at < 0 || to === undefined || event.ctrlKey || event.metaKey || event.altKey) return null;
  event.preventDefault();
  const stop = stops[Math.min(Math.max(to, 0), last)];
  stop.focus();
  return stop;
}
