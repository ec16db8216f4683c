// Help, and questions before something cannot be taken back.

import { by } from "./dom.js";

export function startHelp() {
  const help = by("help");
  by("help-open").addEventListener("click", () => help.showModal());
  by("help-close").addEventListener("click", () => help.close());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || typing(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    help.showModal();
  });
}

/** Whether keys go into a field. @param {any} target */
export function typing(target) {
  return target instanceof HTMLElement
    && target.matches("input:not([type=range], [type=radio], [type=checkbox]), select, textarea");
}

/**
 * @param {{title: string, text: string, yes: string, no?: string}} question
 * @returns {Promise<boolean>} whether the answer was yes.
 */
export function confirmed({ title, text, yes, no = "Cancel" }) {
  const dialog = by("ask");
  by("ask-title").textContent = title;
  by("ask-text").textContent = text;
  by("ask-yes").textContent = yes;
  by("ask-no").textContent = no;
  dialog.returnValue = "";
  dialog.showModal();
  by("ask-no").focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

export function startQuestions() {
  by("ask-yes").addEventListener("click", () => by("ask").close("yes"));
  by("ask-no").addEventListener("click", () => by("ask").close("no"));
}
