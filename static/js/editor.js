// Editor: CodeMirror with Python over a textarea, which stays the form's field: what is typed is in it at any moment.
// Loaded only where an <hw-editor> stands. Colours are the page's own roles, so that it follows the theme.
import { autocompletion } from "@codemirror/autocomplete";
import { python, pythonLanguage } from "@codemirror/lang-python";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { indentWithTab } from "@codemirror/commands";
import { basicSetup } from "codemirror";
import { tags } from "@lezer/highlight";

const look = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--ink)", fontSize: "13px", border: "1px solid var(--line)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", maxHeight: "70vh" },
  ".cm-content, .cm-gutter": { minHeight: "24rem" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--ink-faint)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 25%, transparent) !important",
  },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--surface)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--accent-ink)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: "var(--odd)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--copper)" },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName)], color: "var(--busy)" },
  { tag: tags.comment, color: "var(--ink-faint)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

let offered = [];

function complete(context) {
  const word = context.matchBefore(/[\w.]*/);
  if (!offered.length || (word.from === word.to && !context.explicit)) return null;
  return { from: word.from, options: offered, validFor: /^[\w.]*$/ };
}

// Gives {view, destroy}; the element gets goTo, setText and setProblems. The element tells of every change by a "hw-edit" event.
export function enhance(element, textarea) {
  const tell = EditorView.updateListener.of((update) => {
    if (!update.docChanged) return;
    textarea.value = update.state.doc.toString();
    element.dispatchEvent(new CustomEvent("hw-edit", { bubbles: true, detail: { text: textarea.value } }));
  });
  const nonce = document.querySelector('meta[name="style-nonce"]')?.content ?? "";
  const view = new EditorView({
    doc: textarea.value,
    parent: element,
    extensions: [
      basicSetup,
      python(),
      pythonLanguage.data.of({ autocomplete: complete }),
      indentUnit.of("    "),
      keymap.of([indentWithTab]), // Escape, then Tab leaves the editor: CodeMirror's own way out for keyboards
      lintGutter(),
      autocompletion(),
      syntaxHighlighting(colours),
      look,
      tell,
      EditorState.readOnly.of(textarea.readOnly),
      EditorView.cspNonce.of(nonce),
      EditorView.contentAttributes.of({ tabindex: "0", "aria-label": textarea.getAttribute("aria-label") ?? "Script" }),
    ],
  });
  textarea.hidden = true;
  // Names of the toolbox, for pages that say where they are listed.
  const listed = textarea.form?.dataset.completions;
  if (listed) fetch(listed).then((answer) => answer.json()).then((items) => (offered = items)).catch(() => {});
  element.goTo = (number) => {
    const line = view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines));
    view.dispatch({ selection: { anchor: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
    view.focus();
  };
  element.setText = (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  element.setProblems = (problems) => view.dispatch(setDiagnostics(view.state, problems.map((each) => mark(view, each))));
  return {
    view,
    destroy() {
      view.destroy();
      textarea.hidden = false;
    },
  };
}

// Makes a diagnostic of {line, column, message}, counted from 1 as the checker counts.
function mark(view, { line, column, message }) {
  const at = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
  const from = Math.min(at.from + Math.max(column - 1, 0), at.to);
  return { from, to: at.to, severity: "error", message };
}
