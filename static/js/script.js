// <hw-script>: the workbench around the editor. Problems as one types, the draft saved by itself, Ctrl-S, Ctrl-Enter.
// Without it the same form works by its buttons.
const CHECK_MS = 250;
const SAVE_MS = 1500;

class Script extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.state = this.querySelector("[data-state]");
    this.saved = this.form.elements.text.value;
    this.addEventListener("hw-edit", () => this.edited());
    this.addEventListener("click", (event) => this.clicked(event));
    this.addEventListener("input", (event) => event.target.matches("[data-toolbox-search]") && this.search(event.target.value));
    this.form.elements.file.addEventListener("change", () => this.upload());
    this.form.elements.request.addEventListener("change", (event) => {
      if (event.target.value === "pasted") this.querySelector("[data-pasted]").open = true;
    });
    this.onKey = (event) => this.pressed(event);
    this.onLeave = (event) => this.isDirty() && event.preventDefault();
    document.addEventListener("keydown", this.onKey, true);
    addEventListener("beforeunload", this.onLeave);
    this.goToHash();
    // What leads to another page saves on its way: nothing is lost, so nothing is asked.
    this.form.addEventListener("submit", (event) => {
      if (!event.submitter?.matches("[data-try]")) this.saved = this.form.elements.text.value;
    });
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
    removeEventListener("beforeunload", this.onLeave);
  }

  isDirty() {
    return this.form.elements.text.value !== this.saved;
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

  async send(url, fields) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    const token = this.form.elements.csrf_token?.value ?? this.form.querySelector('input[type="hidden"]').value;
    const headers = { Accept: "application/json", "X-CSRF-Token": token };
    return fetch(url, { method: "POST", body, headers });
  }

  async check() {
    const text = this.form.elements.text.value;
    const answer = await this.send(this.form.dataset.problems, { text }).catch(() => null);
    if (!answer?.ok || text !== this.form.elements.text.value) return;
    const { problems } = await answer.json();
    this.querySelector("hw-editor").setProblems?.(problems);
    this.querySelector("[data-problem-list]").replaceChildren(...problems.map(told));
  }

  async save() {
    const text = this.form.elements.text.value;
    if (text === this.saved) return;
    const revision = this.form.elements.revision.value;
    const answer = await this.send(this.form.action, { text, revision }).catch(() => null);
    if (answer?.ok) {
      this.form.elements.revision.value = (await answer.json()).revision;
      this.saved = text;
      this.state.textContent = "Saved as the draft.";
    } else if (answer?.status === 409) {
      this.dispute(await answer.json());
    } else {
      this.state.textContent = answer?.status === 403 || answer?.status === 401
        ? "Not saved: you are signed out. Sign in in another tab, then press Ctrl-S."
        : "Not saved: the console does not answer. It is tried again when you go on typing.";
    }
  }

  // Somebody else has saved meanwhile: theirs or mine is a person's choice.
  dispute({ detail, revision }) {
    const mine = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: "Keep mine" });
    mine.addEventListener("click", () => {
      this.form.elements.revision.value = revision ?? 0;
      this.save();
    });
    const theirs = Object.assign(document.createElement("a"), { className: "button small", textContent: "Take theirs", href: location.pathname });
    theirs.addEventListener("click", () => (this.saved = this.form.elements.text.value));
    this.state.replaceChildren(`${detail} `, mine, " ", theirs);
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
