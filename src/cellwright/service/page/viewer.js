// An image with a layer of boxes, in an SVG whose viewBox is what is seen of the image.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#56b4e9", "#d55e00", "#f0e442", "#009e73", "#cc79a7", "#e69f00", "#0072b2"];
const NEAREST = 8;

function element(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export class Viewer {
  constructor(svg, { choose, draw }) {
    this.svg = svg;
    this.choose = choose;
    this.draw = draw;
    this.adding = false;
    this.pointers = new Map();
    svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    svg.addEventListener("pointerdown", (event) => this.#down(event));
    svg.addEventListener("pointermove", (event) => this.#move(event));
    svg.addEventListener("pointerup", (event) => this.#up(event));
    svg.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
  }

  open(url, width, height) {
    this.width = width;
    this.height = height;
    this.boxes = element("g");
    const picture = element("image", { width, height, preserveAspectRatio: "none" });
    picture.setAttribute("href", url);
    this.svg.replaceChildren(picture, this.boxes);
    this.fit();
  }

  paint(cells, chosen, classes) {
    const rects = cells.map((cell) => {
      const [x0, y0, x1, y1] = cell.xyxy;
      const rect = element("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0 });
      rect.setAttribute("class", cell.id === chosen ? "cell chosen" : "cell");
      rect.setAttribute("stroke", COLOURS[Math.max(0, classes.indexOf(cell.class)) % 7]);
      rect.dataset.id = cell.id;
      return rect;
    });
    this.boxes.replaceChildren(...rects);
  }

  fit() {
    this.#see(0, 0, this.width, this.height);
  }

  zoom(factor, at = this.middle()) {
    const { x, y, width, height } = this.seen;
    if (width * factor < NEAREST || width * factor > 4 * this.width) return;
    this.#see(at.x - (at.x - x) * factor, at.y - (at.y - y) * factor, width * factor,
      height * factor);
  }

  pan(dx, dy) {
    const { x, y, width, height } = this.seen;
    this.#see(x + dx * width, y + dy * height, width, height);
  }

  show([x0, y0, x1, y1]) {
    const { x, y, width, height } = this.seen;
    if (x0 >= x && y0 >= y && x1 <= x + width && y1 <= y + height) return;
    this.#see((x0 + x1 - width) / 2, (y0 + y1 - height) / 2, width, height);
  }

  middle() {
    const { x, y, width, height } = this.seen;
    return { x: x + width / 2, y: y + height / 2 };
  }

  setAdding(adding) {
    this.adding = adding;
    this.svg.classList.toggle("adding", adding);
  }

  #see(x, y, width, height) {
    this.seen = { x, y, width, height };
    this.svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  }

  #place(event) {
    const matrix = this.svg.getScreenCTM();
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  }

  #wheel(event) {
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 0.85 : 1 / 0.85, this.#place(event));
  }

  #down(event) {
    this.svg.setPointerCapture(event.pointerId);
    const start = this.#place(event);
    const target = event.target.dataset ? event.target.dataset.id : undefined;
    this.pointers.set(event.pointerId, { start, now: start, target, moved: false });
    if (this.adding) {
      this.draft = element("rect", { class: "draft" });
      this.svg.append(this.draft);
    }
  }

  #move(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    const now = this.#place(event);
    const far = Math.hypot(now.x - pointer.start.x, now.y - pointer.start.y);
    pointer.moved ||= far > this.seen.width / 200;
    if (this.pointers.size === 2) {
      const [a, b] = [...this.pointers.values()];
      const before = Math.hypot(a.now.x - b.now.x, a.now.y - b.now.y);
      pointer.now = now;
      const after = Math.hypot(a.now.x - b.now.x, a.now.y - b.now.y);
      if (before && after) this.zoom(before / after, { x: (a.now.x + b.now.x) / 2,
        y: (a.now.y + b.now.y) / 2 });
      pointer.now = this.#place(event);
      return;
    }
    pointer.now = now;
    if (this.draft) {
      const [x0, y0, x1, y1] = this.#box(pointer);
      for (const [key, value] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })) {
        this.draft.setAttribute(key, value);
      }
    } else if (pointer.moved) {
      const { x, y, width, height } = this.seen;
      this.#see(x + pointer.start.x - now.x, y + pointer.start.y - now.y, width, height);
    }
  }

  #up(event) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (!pointer) return;
    if (this.draft) {
      this.draft.remove();
      this.draft = null;
      const box = this.#box(pointer);
      if (pointer.moved && box[2] > box[0] && box[3] > box[1]) this.draw(box);
    } else if (!pointer.moved) {
      this.choose(pointer.target === undefined ? null : Number(pointer.target));
    }
  }

  #box({ start, now }) {
    const inside = (value, limit) => Math.min(Math.max(value, 0), limit);
    const round = (value) => Math.round(value * 100) / 100;
    const xs = [start.x, now.x].map((value) => round(inside(value, this.width)));
    const ys = [start.y, now.y].map((value) => round(inside(value, this.height)));
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  }
}
