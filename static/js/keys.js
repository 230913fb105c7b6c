// Keys: "/" searches, "?" helps, "g" and a letter goes to a page of the menu, "j" and "k" walk through a list.
// Never while somebody is typing.
const GO_SECONDS = 1.5;

export function watchKeys() {
  let goUntil = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const isGoing = performance.now() < goUntil;
    goUntil = 0;
    const done = isGoing ? go(event.key) : press(event.key);
    if (event.key === "g" && !isGoing) goUntil = performance.now() + GO_SECONDS * 1000;
    if (done) event.preventDefault();
  });
}

function isTyping(element) {
  return element.isContentEditable || element.matches("input, textarea, select") || element.closest("dialog[open]");
}

function go(key) {
  const link = document.querySelector(`.menu a[data-key="${CSS.escape(key)}"]`);
  link?.click();
  return Boolean(link);
}

function press(key) {
  if (key === "/") return focus(document.querySelector('[role="search"] input'));
  if (key === "?") {
    document.getElementById("help")?.showModal();
    return true;
  }
  if (key === "j" || key === "k") return walk(key === "j" ? 1 : -1);
  return false;
}

function walk(step) {
  const links = [...document.querySelectorAll(".table tbody th a")];
  const at = links.indexOf(document.activeElement);
  return focus(links[at < 0 ? 0 : Math.min(Math.max(at + step, 0), links.length - 1)]);
}

function focus(element) {
  element?.focus();
  element?.select?.();
  return Boolean(element);
}
