import assert from "node:assert/strict";
import { test } from "node:test";
import { by, calm, service } from "./browser.mjs";
import { page } from "./page.mjs";

const { showWhy } = await page("image/why.js");

const classes = ["live", "dead"];
const rowOf = (label) => ({ label, p_live: 0.7, p_dead: 0.3, notes: "", unlike: false });
const asked = (label, name) => `GET jobs/a/images/0/explanation.png?class=${name}&label=${label}`;
const press = (at) => by("why-rows").children[at].querySelector("button").click();

test("evidence is that of the cell that is shown, and of the class that was asked for last", async () => {
  const { hold } = service({ [asked(2, "dead")]: () => new Response("pixels") });
  const [first, second] = [hold(asked(1, "live")), hold(asked(2, "live"))];
  showWhy(rowOf(1), classes, "jobs/a/images/0");
  press(0);
  await calm();
  showWhy(rowOf(2), classes, "jobs/a/images/0");
  await first(new Response("pixels"));
  assert.equal(by("why-picture").hidden, true);
  press(0);
  press(1);
  await calm();
  assert.match(by("why-image").alt, /for dead/);
  await second(new Response("pixels"));
  assert.match(by("why-image").alt, /for dead/);
});
