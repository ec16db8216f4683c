// Light, dark, or as the machine is set; remembered in this browser.

import { by } from "./dom.js";

const ORDER = ["auto", "light", "dark"];

export function startTheme() {
  let theme = localStorage.getItem("theme") || "auto";
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    by("theme").setAttribute("aria-label", `Colours: ${theme}`);
    by("theme").title = `Colours: ${theme}`;
    document.dispatchEvent(new Event("theme"));
  };
  by("theme").addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    localStorage.setItem("theme", theme);
    show();
  });
  show();
}
