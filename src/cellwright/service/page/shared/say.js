// What the page tells: politely to a screen reader, and aloud where something went wrong.

import { by } from "./dom.js";

const QUIET_MS = 3000;
let lastProgress = 0;

/**
 * To the status line, which screen readers read when they have a moment.
 * @param {string} text
 */
export function say(text) {
  by("said").textContent = text;
}

/**
 * The same for something that changes all the time: at most one in three seconds.
 * @param {string} text
 */
export function sayNowAndThen(text) {
  const now = Date.now();
  if (now - lastProgress < QUIET_MS) return;
  lastProgress = now;
  say(text);
}

/**
 * Show what went wrong and what to do; null takes it away.
 * @param {Error | null} error
 */
export function complain(error) {
  by("message").hidden = !error;
  if (!error) return;
  const { what, remedy } = /** @type {any} */ (error);
  by("message-what").textContent = sentence(what || error.message);
  by("message-remedy").textContent = remedy ? sentence(remedy) : "";
}

/**
 * Errors of the service are shown; nothing is lost by them.
 * @template {any[]} Given
 * @param {(...given: Given) => Promise<void> | void} action
 * @returns {(...given: Given) => Promise<void>}
 */
export function guarded(action) {
  return async (...given) => {
    complain(null);
    try {
      await action(...given);
    } catch (error) {
      complain(/** @type {Error} */ (error));
      if (/** @type {any} */ (error).status === 401) {
        document.dispatchEvent(new Event("signed-out"));
      }
    }
  };
}

/**
 * With a capital at its begin and a stop at its end.
 * @param {string} text
 * @returns {string}
 */
export function sentence(text) {
  if (!text) return "";
  const whole = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
