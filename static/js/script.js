// <hw-script>: the workbench around the editor. Problems as one types, the draft saved by itself, Ctrl-S, Ctrl-Enter.
// Without it the same form works by its buttons.
import { findNoText } from "./files.js";
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
    return this.why;
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

  // Gives {status, said}; what is no JSON of ours (a proxy's page, a sign-in page) says nothing.
  async send(url, fields, options = {}) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    const headers = { Accept: "application/json", "X-CSRF-Token": this.form.elements.csrf.value };
    const answer = await fetch(url, { method: "POST", body, headers, ...options });
    return { status: answer.status, said: await answer.json().catch(() => null) };
  }

  async check() {
    const text = this.text;
    const { status, said } = await this.send(this.form.dataset.problems, { text }).catch(() => ({}));
    if (status !== 200 || !said || text !== this.text) return;
    this.querySelector("hw-editor").setProblems?.(said.problems);
    this.querySelector("[data-problem-list]").replaceChildren(...said.problems.map(told));
  }

  // One after the other: of two at once, each would hear that somebody else was quicker. Gives whether it is saved.
  save() {
    return (this.saves = (this.saves ?? Promise.resolve()).then(() => this.saveNow()).catch(() => this.fail()));
  }

  async saveNow() {
    const text = this.text;
    if (text === this.saved) return true;
    let { status, said } = await this.post(text);
    if (status === 403 && (await this.renewToken())) ({ status, said } = await this.post(text));
    if (status === 401) return this.signedOut();
    if (status === 409) return this.dispute(said);
    if (status !== 200 || !said) return this.fail(said?.detail);
    this.form.elements.revision.value = said.revision;
    this.saved = text;
    if (this.text === text) this.state.textContent = "Saved as the draft."; // else what came since is still to be saved
    return true;
  }

  post(text) {
    const keepalive = new Blob([text]).size < KEEPALIVE_BYTES_MAX;
    return this.send(this.form.action, { text, revision: this.form.elements.revision.value }, { keepalive });
  }

  // Who has signed in again in another tab has another token: every form here is given it. Gives whether it is another.
  async renewToken() {
    const page = await fetch(this.form.action).then((answer) => answer.text());
    const token = new DOMParser().parseFromString(page, "text/html").querySelector('input[name="csrf"]')?.value;
    if (!token || token === this.form.elements.csrf.value) return false;
    for (const field of document.querySelectorAll('input[name="csrf"]')) field.value = token;
    this.form.elements.csrf.value = token; // also where the page has gone on without this editor
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRF-Token": token }));
    return true;
  }

  fail(why = "the console does not answer. It is tried again when you go on typing") {
    return this.tell(`Not saved: ${why}.`);
  }

  signedOut() {
    const link = Object.assign(document.createElement("a"), { href: this.dataset.signIn, target: "_blank", textContent: "sign in again" });
    addEventListener("focus", () => this.save(), { once: true });
    return this.tell("You are signed out: ", link, " in another tab, then go on here; the text is kept here.");
  }

  // Says why it is not saved.
  tell(...words) {
    this.state.replaceChildren(...words);
    this.why = this.state.textContent;
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
    this.tell(`${detail}.`);
    this.state.append(" ", mine, " ", theirs);
    return false;
  }

  async upload() {
    const [file] = this.form.elements.file.files;
    this.form.elements.file.value = "";
    if (!file) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    const wrong = findNoText(bytes);
    if (wrong) this.state.textContent = `Not taken: ${wrong}.`;
    else this.querySelector("hw-editor").setText?.(new TextDecoder().decode(bytes));
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
