// Elements: what HTML has not got. A custom element works however it came onto the page: loaded, swapped in, morphed.
import { ask } from "./dialog.js";

// <hw-copy value="…">shown</hw-copy>: a button that copies the value (default: the text inside).
class Copy extends HTMLElement {
  connectedCallback() {
    if (this.querySelector("button")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    const what = this.getAttribute("label");
    if (what) button.setAttribute("aria-label", `Copy ${what}`);
    const value = this.getAttribute("value") ?? this.textContent.trim();
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(value);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    this.append(button);
  }
}

// <hw-toast>: goes by itself, unless somebody is reading it.
class Toast extends HTMLElement {
  connectedCallback() {
    const go = () => (this.matches(":hover, :focus-within") ? setTimeout(go, 2000) : this.remove());
    setTimeout(go, 6000);
  }
}

// <hw-editor><textarea name="text">…</textarea></hw-editor>: a code editor where there is JavaScript.
class Editor extends HTMLElement {
  async connectedCallback() {
    const { enhance } = await import("./editor.js");
    if (this.isConnected) this.editor ??= enhance(this, this.querySelector("textarea"));
  }

  disconnectedCallback() {
    this.editor?.destroy();
    this.editor = undefined;
  }
}

// <hw-chart data-series='{"x": […], "lines": [{"label": "", "y": […], "tone": "good"}]}'>: a line chart.
class Chart extends HTMLElement {
  static observedAttributes = ["data-series"];

  async connectedCallback() {
    const { draw } = await import("./chart.js");
    if (this.isConnected) this.chart ??= draw(this);
  }

  attributeChangedCallback() {
    this.chart?.update();
  }

  disconnectedCallback() {
    this.chart?.destroy();
    this.chart = undefined;
  }
}

// <hw-ticks data-from="/overview/ticks">: fires "tick" for each of the server's. A browser opens six connections to a
// host, for all of its tabs together: a page that nobody sees holds none of them.
class Ticks extends HTMLElement {
  look = () => {
    if (document.hidden) this.close();
    else this.open();
  };

  connectedCallback() {
    document.addEventListener("visibilitychange", this.look);
    this.look();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.look);
    this.close();
  }

  open() {
    if (this.stream) return;
    this.stream = new EventSource(this.dataset.from);
    this.stream.addEventListener("tick", () => this.dispatchEvent(new Event("tick", { bubbles: true })));
  }

  close() {
    this.stream?.close();
    this.stream = undefined;
  }
}

// A form with data-confirm="What will happen?" asks before it is sent.
function confirmFirst(event) {
  const form = event.target.closest("form[data-confirm]");
  if (!form || form.dataset.isConfirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const act = () => {
    form.dataset.isConfirmed = "yes";
    form.requestSubmit(event.submitter);
    delete form.dataset.isConfirmed;
  };
  const word = event.submitter?.textContent.trim() || "Go on";
  ask(form.dataset.confirm, { word, look: event.submitter?.className || "primary", act });
}

export function watchElements() {
  const elements = { copy: Copy, toast: Toast, editor: Editor, chart: Chart, ticks: Ticks };
  for (const [name, element] of Object.entries(elements)) {
    customElements.define(`hw-${name}`, element);
  }
  // In the capturing phase: before htmx takes the form.
  document.addEventListener("submit", confirmFirst, true);
  // A form with data-sends-itself: a choice is made by choosing.
  document.addEventListener("change", (event) => event.target.closest("form[data-sends-itself]")?.requestSubmit());
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  });
}
