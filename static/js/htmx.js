// htmx with what we use of its family: morphing swaps. Its settings are in the page's head.
import htmx from "htmx.org";
import { Idiomorph } from "idiomorph/htmx";

window.htmx = htmx;

// Away again before the page that back asked for has come: its address has been left, and an answer that came late
// would stand under another one's.
let asked;
document.addEventListener("htmx:historyCacheMiss", ({ detail }) => {
  asked?.abort();
  asked = detail.xhr;
});
document.addEventListener("htmx:pushedIntoHistory", () => asked?.abort());

// What draws itself (a chart, a copy button, an editor) keeps its inside when the page around it is refreshed:
// it is told by its attributes. Other values are another thing, and drawn anew.
const DRAWS_ITSELF = /^HW-(CHART|EDITOR|COPY)$/;

Object.assign(Idiomorph.defaults.callbacks, {
  beforeNodeMorphed(old, fresh) {
    if (!DRAWS_ITSELF.test(old.nodeName)) return true;
    if (old.nodeName === "HW-COPY" && old.getAttribute("value") !== fresh.getAttribute("value")) {
      old.replaceWith(fresh.cloneNode(true));
      return false;
    }
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    return false;
  },
  // What a person has opened stays open.
  beforeAttributeUpdated: (name, element) => !(name === "open" && element.nodeName === "DETAILS"),
});
