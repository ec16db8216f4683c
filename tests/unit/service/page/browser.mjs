// As much of a browser as the page's views ask for: elements, a service that answers when it is told.

class Element extends EventTarget {
  constructor(name) {
    super();
    Object.assign(this, { localName: name, children: [], parentElement: null, attributes: {}, dataset: {},
      style: {}, classes: new Set(), hidden: false, disabled: false, open: false, value: "",
      textContent: "", clientWidth: 100, clientHeight: 100, returnValue: "" });
    this.classList = { toggle: (one, on) => (on ? this.classes.add(one) : this.classes.delete(one)) };
  }

  get firstElementChild() {
    return this.children[0] || null;
  }

  append(...children) {
    for (const child of children) {
      if (child instanceof Element) {
        child.parentElement = this;
        this.children.push(child);
      } else this.textContent += child;
    }
  }

  // As in a browser, the focus is lost with the element that has it.
  replaceChildren(...children) {
    if (this.children.some((child) => child.contains(document.activeElement))) {
      document.activeElement = document.body;
    }
    this.children = [];
    this.append(...children);
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
    if (name === "class") this.classes = new Set(value.split(" "));
    if (name === "tabindex") this.tabIndex = Number(value);
    if (name.startsWith("data-")) this.dataset[name.slice(5)] = value;
  }

  removeAttribute(name) {
    delete this.attributes[name];
  }

  contains(other) {
    return this === other || this.children.some((child) => child.contains(other));
  }

  // Names, classes and [tabindex='0']: all that the page asks for.
  querySelectorAll(wanted) {
    const fits = (one) => (wanted.startsWith(".") ? one.classes.has(wanted.slice(1))
      : wanted.startsWith("[") ? one.attributes.tabindex === "0" : one.localName === wanted);
    return this.children.flatMap((child) => [...(fits(child) ? [child] : []),
      ...child.querySelectorAll(wanted)]);
  }

  querySelector(wanted) {
    return this.querySelectorAll(wanted)[0] || null;
  }

  focus() {
    document.activeElement = this;
  }

  click() {
    if (!this.disabled) this.dispatchEvent(new Event("click"));
  }

  showModal() {
    this.open = true;
  }

  close(value = "") {
    Object.assign(this, { open: false, returnValue: value });
    this.dispatchEvent(new Event("close"));
  }

  closest() {
    return null;
  }

  matches() {
    return false;
  }

  setPointerCapture() {}

  getBoundingClientRect() {
    return { left: 0, top: 0 };
  }

  getContext() {
    return new Proxy({}, { get: () => () => ({ width: 0 }), set: () => true });
  }
}

class Observer {
  observe() {}

  unobserve() {}
}

const named = new Map();

/** The element of an id; made when it is first asked for. */
export function by(id) {
  if (!named.has(id)) {
    named.set(id, new Element("div"));
    new Element("div").append(named.get(id));
  }
  return named.get(id);
}

const opened = Object.assign(new EventTarget(), { body: new Element("body"), getElementById: by,
  createElement: (name) => new Element(name), createElementNS: (_, name) => new Element(name),
  querySelector: () => [...named.values()].find((one) => one.open) || null });
opened.activeElement = opened.body;
const store = { getItem: () => null, setItem: () => {} };
const window = new EventTarget();
const path2D = class { rect() {} moveTo() {} lineTo() {} closePath() {} };
Object.assign(globalThis, { document: opened, window, HTMLElement: Element, Path2D: path2D,
  Option: class extends Element {}, ResizeObserver: Observer, IntersectionObserver: Observer,
  sessionStorage: store, localStorage: store, devicePixelRatio: 1, requestAnimationFrame: () => {},
  getComputedStyle: () => ({ getPropertyValue: () => "" }) });

/** Bitmaps of pictures that were made and not closed yet. */
export const bitmaps = new Set();
globalThis.createImageBitmap = async () => {
  const bitmap = { close: () => bitmaps.delete(bitmap) };
  bitmaps.add(bitmap);
  return bitmap;
};

/** An event with what belongs to its kind. */
export function send(target, type, fields = {}) {
  target.dispatchEvent(Object.assign(new Event(type, { cancelable: true }), fields));
}

/** Until nothing is left to do but to wait for the service. */
export async function calm() {
  for (let turn = 0; turn < 8; turn += 1) await new Promise(setImmediate);
}

/** An answer as JSON. */
export function answer(value, { status = 200, headers = {} } = {}) {
  return new Response(JSON.stringify(value), { status, headers });
}

/**
 * Requests are answered by ``answers``, "METHOD PATH" -> a value, a Response or an Error.
 * @returns {{asked: any[], hold: (request: string) => (given: any) => Promise<void>}} what was asked;
 *   hold lets the next such request wait for what it is given.
 */
export function service(answers) {
  const asked = [];
  const held = new Map();
  globalThis.fetch = async (path, { method = "GET", headers, body } = {}) => {
    const request = `${method} ${path.replace("api/v1/", "")}`;
    asked.push({ request, headers, body: body && JSON.parse(body) });
    const waiting = held.get(request);
    held.delete(request);
    const found = answers[request];
    const given = await (waiting || (typeof found === "function" ? found() : found));
    if (given instanceof Error) throw given;
    if (given === undefined) throw new Error(`nothing answers ${request}`);
    return given instanceof Response ? given : answer(given);
  };
  const hold = (request) => {
    const { promise, resolve } = withResolvers();
    held.set(request, promise);
    return async (given) => {
      resolve(given);
      await calm();
    };
  };
  return { asked, hold };
}

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => { resolve = done; });
  return { promise, resolve };
}
