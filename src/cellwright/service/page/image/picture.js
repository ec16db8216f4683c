// The pixels: one picture for a small image, tiles of a pyramid for a large one.

import * as api from "../shared/api.js";
import { levelFor, tilesIn } from "./pyramid.js";

const SINGLE_PX = 2000;
const MOST_TILES = 400;
const AT_ONCE = 6;

/**
 * @param {string} place path of the image below the API's root.
 * @param {{width: number, height: number}} image
 * @param {() => void} arrived called when there is more to draw.
 * @returns {Promise<SinglePicture | TiledPicture>}
 */
export async function openPicture(place, image, arrived) {
  if (Math.max(image.width, image.height) <= SINGLE_PX) {
    const bitmap = await createImageBitmap(await api.blob(`${place}/picture.png`));
    return new SinglePicture(bitmap, image);
  }
  const picture = new TiledPicture(place, await api.json(`${place}/tiles.json`), arrived);
  await picture.begin();
  return picture;
}

export class SinglePicture {
  constructor(bitmap, { width, height }) {
    this.bitmap = bitmap;
    this.width = width;
    this.height = height;
  }

  /** @param {CanvasRenderingContext2D} context whose unit is a pixel of the image. */
  draw(context) {
    context.drawImage(this.bitmap, 0, 0, this.width, this.height);
  }

  close() {
    this.bitmap.close();
  }
}

export class TiledPicture {
  constructor(place, pyramid, arrived) {
    this.place = place;
    this.pyramid = pyramid;
    this.arrived = arrived;
    /** @type {Map<string, ImageBitmap>} the ones used last are at the end. */
    this.tiles = new Map();
    this.loading = new Set();
    this.failed = new Set();
    this.queue = [];
    this.closed = new AbortController();
  }

  /** The first coarse tile, which has the service make the pyramid. */
  async begin() {
    const level = Math.max(0, this.pyramid.max_level
      - Math.ceil(Math.log2(Math.max(this.pyramid.width, this.pyramid.height)
        / this.pyramid.tile_px)));
    const [whole] = tilesIn(this.pyramid, level, [0, 0, 1, 1]);
    this.coarse = whole;
    await this.#load(whole);
  }

  /**
   * Draws what there is, coarse where the fine tile is not there yet, and asks for the rest.
   * @param {CanvasRenderingContext2D} context whose unit is a pixel of the image.
   * @param {import("./geometry.js").Box} seen
   * @param {number} scale device pixels per image pixel.
   */
  draw(context, seen, scale) {
    const level = levelFor(this.pyramid, scale);
    const wanted = tilesIn(this.pyramid, level, seen);
    if (!wanted.every((tile) => this.tiles.has(keyOf(tile)))) this.#paintCoarser(context, level, seen);
    for (const tile of wanted) this.#paint(context, tile);
    this.queue = wanted.filter((tile) => !this.tiles.has(keyOf(tile)) && !this.failed.has(keyOf(tile)));
    this.#next();
  }

  // The level above is twice as coarse: a quarter of the tiles, often there already.
  #paintCoarser(context, level, seen) {
    this.#paint(context, this.coarse);
    for (const coarser of [level - 2, level - 1]) {
      if (coarser <= this.coarse.level) continue;
      for (const tile of tilesIn(this.pyramid, coarser, seen)) this.#paint(context, tile);
    }
  }

  #paint(context, tile) {
    const key = keyOf(tile);
    const bitmap = this.tiles.get(key);
    if (!bitmap) return;
    this.tiles.delete(key);
    this.tiles.set(key, bitmap);
    context.drawImage(bitmap, tile.x, tile.y, tile.width, tile.height);
  }

  #next() {
    while (this.loading.size < AT_ONCE && this.queue.length) {
      const tile = this.queue.shift();
      if (!this.loading.has(keyOf(tile))) {
        this.#load(tile).then(this.arrived, (error) => {
          // Where only the service was away, the next drawing asks again.
          if (!api.isSilence(error)) this.failed.add(keyOf(tile));
        }).then(() => this.#next());
      }
    }
  }

  async #load(tile) {
    const key = keyOf(tile);
    this.loading.add(key);
    try {
      const path = `${this.place}/tiles/${tile.level}/${tile.column}_${tile.row}.jpg`;
      const { signal } = this.closed;
      const bitmap = await createImageBitmap(await api.blob(path, { signal }));
      if (signal.aborted) return bitmap.close();
      this.tiles.set(key, bitmap);
      this.#forget();
    } finally {
      this.loading.delete(key);
    }
  }

  #forget() {
    for (const [key, bitmap] of this.tiles) {
      if (this.tiles.size <= MOST_TILES) return;
      if (key === keyOf(this.coarse)) continue;
      this.tiles.delete(key);
      bitmap.close();
    }
  }

  close() {
    this.queue = [];
    this.closed.abort();
    for (const bitmap of this.tiles.values()) bitmap.close();
    this.tiles.clear();
  }
}

function keyOf({ level, column, row }) {
  return `${level}/${column}_${row}`;
}
