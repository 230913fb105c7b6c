// <hw-script>: the workbench around the editor. Problems as one types, the draft saved by itself, Ctrl-S, Ctrl-Enter.
// Without it the same form works by its buttons.
import { watchLeaving } from "./leaving.js";

const CHECK_MS = 250;
const SAVE_MS = 1500;
const KEEPALIVE_BYTES_MAX = 60_000; // a browser sends 64 KiB of a page that is gone, and refuses more

class Script extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.state = this.querySelector("[data-state]");
    this.saved = this.dataset.unsaved === undefined ? this.text : null;
    this.addEventListener("hw-edit", () => this.edited());
    this.addEventListener("click", (event) => this.clicked(event));
    this.addEventListener("input", (event) => event.target.matches("[data-toolbox-search]") && this.search(event.target.value));
    this.form.elements.file.addEventListener("change", () => this.upload());
    this.form.elements.request.addEventListener("change", (event) => {
      if (event.target.value === "pasted") this.querySelector("[data-pasted]").open = true;
    });
    this.onKey = (event) => this.pressed(event);
    document.addEventListener("keydown", this.onKey, true);
    this.stopWatching = watchLeaving(this);
    this.goToHash();
    this.form.addEventListener("submit", (event) => this.submitted(event));
  }

  // #line-12, as the page of a failed event links to it.
  async goToHash() {
    const line = Number(location.hash.match(/^#line-(\d+)$/)?.[1]);
    if (!line) return;
    await import("./editor.js");
    requestAnimationFrame(() => this.querySelector("hw-editor")?.goTo?.(line));
  }

  disconnectedCallback() {
    clearTimeout(this.checking);
    clearTimeout(this.saving);
    document.removeEventListener("keydown", this.onKey, true);
    this.stopWatching();
    if (this.isDirty()) this.save(); // it was taken off the page unasked: the last way out
  }

  get text() {
    return this.form.elements.text.value;
  }

  isDirty() {
    return this.text !== this.saved;
  }

  giveUp() {
    this.saved = this.text;
  }

  whyNot() {
    return this.state.firstChild.textContent.trim();
  }

  // What leads to another page goes there when the text is saved: who could not save stays, and sees why.
  async submitted(event) {
    if (!this.isDirty() || event.submitter?.matches("[data-try]")) return;
    event.preventDefault();
    if (await this.save()) this.form.requestSubmit(event.submitter);
  }

  edited() {
    clearTimeout(this.checking);
    clearTimeout(this.saving);
    this.checking = setTimeout(() => this.check(), CHECK_MS);
    this.saving = setTimeout(() => this.save(), SAVE_MS);
    this.state.textContent = "Not saved yet …";
  }

  pressed(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    if (event.key === "s") this.save();
    else if (event.key === "Enter") this.querySelector("[data-try]").click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  clicked(event) {
    const place = event.target.closest("[data-line]");
    if (!place) return;
    event.preventDefault();
    this.querySelector("hw-editor").goTo?.(Number(place.dataset.line));
  }

  async send(url, fields, options = {}) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    const token = this.form.elements.csrf_token?.value ?? this.form.querySelector('input[type="hidden"]').value;
    const headers = { Accept: "application/json", "X-CSRF-Token": token };
    return fetch(url, { method: "POST", body, headers, ...options });
  }

  async check() {
    const text = this.text;
    const answer = await this.send(this.form.dataset.problems, { text }).catch(() => null);
    if (!answer?.ok || text !== this.text) return;
    const { problems } = await answer.json();
    this.querySelector("hw-editor").setProblems?.(problems);
    this.querySelector("[data-problem-list]").replaceChildren(...problems.map(told));
  }

  // One after the other: of two at once, each would hear that somebody else was quicker. Gives whether it is saved.
  save() {
    return (this.saves = (this.saves ?? Promise.resolve()).then(() => this.saveNow()).catch(() => this.fail()));
  }

  async saveNow() {
    const text = this.text;
    if (text === this.saved) return true;
    const revision = this.form.elements.revision.value;
    const keepalive = new Blob([text]).size < KEEPALIVE_BYTES_MAX;
    const answer = await this.send(this.form.action, { text, revision }, { keepalive });
    if (answer.status === 409) return this.dispute(await answer.json());
    if (answer.status === 422) return this.fail((await answer.json()).detail);
    if (answer.status === 403 || answer.status === 401) return this.fail("you are signed out. Sign in in another tab, then press Ctrl-S");
    if (!answer.ok) return this.fail();
    this.form.elements.revision.value = (await answer.json()).revision;
    this.saved = text;
    this.state.textContent = "Saved as the draft.";
    return true;
  }

  fail(why = "the console does not answer. It is tried again when you go on typing") {
    this.state.textContent = `Not saved: ${why}.`;
    return false;
  }

  // Somebody else has saved meanwhile: theirs or mine is a person's choice.
  dispute({ detail, revision }) {
    const mine = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: "Keep mine" });
    mine.addEventListener("click", () => {
      this.form.elements.revision.value = revision ?? 0;
      this.save();
    });
    const theirs = Object.assign(document.createElement("a"), { className: "button small", textContent: "Take theirs", href: this.form.action });
    theirs.addEventListener("click", () => this.giveUp());
    this.state.replaceChildren(`${detail} `, mine, " ", theirs);
    return false;
  }

  async upload() {
    const [file] = this.form.elements.file.files;
    if (file) this.querySelector("hw-editor").setText?.(await file.text());
    this.form.elements.file.value = "";
  }

  search(words) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    for (const tool of this.querySelectorAll(".tool")) {
      tool.hidden = !wanted.every((word) => tool.dataset.words.includes(word));
    }
    for (const title of this.querySelectorAll(".toolbox h3")) {
      let next = title.nextElementSibling;
      while (next?.matches(".tool") && next.hidden) next = next.nextElementSibling;
      title.hidden = !next?.matches(".tool");
    }
  }
}

function told({ line, column, message }) {
  const item = document.createElement("li");
  const place = Object.assign(document.createElement("a"), { href: `#line-${line}`, textContent: `line ${line}, column ${column}` });
  place.dataset.line = line;
  item.append(place, ` ${message}`);
  return item;
}

customElements.define("hw-script", Script);
