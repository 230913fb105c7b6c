// Events: follows a list while nobody is reading in it, marks what is new, and ticks rows by the key "x".
import { OWN_ZONE } from "./times.js";

const EVERY_SECONDS = 2;
const SCROLLED_PIXELS = 240;
const NEW_SECONDS = 8;
const TIME_WITHOUT_ZONE = /^\s*\d{4}-?\d\d(?!.*(Z|[+-]\d\d:?\d\d)\s*$)/i;

export function watchEvents() {
  setInterval(follow, EVERY_SECONDS * 1000);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = event.target.closest(".events tr")?.querySelector(".tick input");
    if (!box || event.target === box) return;
    box.click();
    event.preventDefault();
  });
  // An address that is worth sharing: without what nothing was typed into, and with the zone of what was.
  document.addEventListener("formdata", ({ target, formData }) => {
    if (!target.matches(".filter-bar")) return;
    for (const [name, value] of [...formData]) if (!value) formData.delete(name);
    const isLocal = ["since", "until"].some((name) => TIME_WITHOUT_ZONE.test(formData.get(name) ?? ""));
    if (isLocal && !formData.has("zone")) formData.set("zone", OWN_ZONE);
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (isFollowed(detail.target)) known = new Set(rowsOf().map((row) => row.id));
  });
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (isFollowed(detail.target)) markNew();
  });
}

let known = new Set();
const arrivals = new Map(); // the row's id → when it was first seen; a swap takes the mark off, so it is put on again

function isFollowed(element) {
  return element?.id === "event_rows";
}

function rowsOf() {
  return [...document.querySelectorAll("#event_rows tr[id]")];
}

function markNew() {
  const now = performance.now();
  for (const row of rowsOf()) {
    if (!known.has(row.id)) arrivals.set(row.id, now);
    row.classList.toggle("is-new", now - (arrivals.get(row.id) ?? -Infinity) < NEW_SECONDS * 1000);
  }
  for (const [id, at] of arrivals) if (now - at > NEW_SECONDS * 1000) arrivals.delete(id);
}

// A list that moves under the pointer, the finger or the eye is worse than one that is a few seconds old.
function follow() {
  const list = document.querySelector("[data-tail]");
  const state = document.querySelector("[data-tail-state]");
  if (!list || document.hidden) return;
  const isPaused =
    list.matches(":hover, :focus-within") || scrollY > SCROLLED_PIXELS || Boolean(list.querySelector(".tick :checked"));
  if (state) {
    state.hidden = false;
    state.textContent = isPaused ? "paused while you read" : "live";
    state.classList.toggle("is-paused", isPaused);
  }
  if (!isPaused) window.htmx.trigger(list, "tail");
}
