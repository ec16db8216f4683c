// Which files may be sent; said before anything is.

import { size } from "../shared/words.js";

const KNOWN = /\.(png|jpe?g|bmp|tiff?)$/i;

/**
 * @typedef {{max_file_bytes: number, max_request_bytes: number, max_images: number}} Limits
 * @typedef {{name: string, size: number}} FileLike
 */

/**
 * What is wrong with one file; empty for nothing.
 * @param {FileLike} file
 * @param {Limits} limits
 * @returns {string}
 */
export function faultOf(file, limits) {
  if (!KNOWN.test(file.name)) return "no PNG, JPEG, BMP or TIFF: save it as one of these";
  if (!file.size) return "empty: copy it again";
  if (file.size > limits.max_file_bytes) {
    return `larger than ${size(limits.max_file_bytes)}: crop it, or use the command line`;
  }
  return "";
}

/**
 * What is wrong with all of them together; empty for nothing.
 * @param {FileLike[]} files
 * @param {Limits} limits
 * @returns {string}
 */
export function faultOfAll(files, limits) {
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  if (files.length > limits.max_images) {
    return `At most ${limits.max_images} images go into one count; take some out.`;
  }
  if (bytes > limits.max_request_bytes) {
    return `At most ${size(limits.max_request_bytes)} go into one count; take some out.`;
  }
  return "";
}
