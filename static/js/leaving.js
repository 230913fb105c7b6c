// Leaving: nothing that was typed is lost on the way to another page. It is saved first; a person is asked only where
// that fails. Takes an element with isDirty(), save(), giveUp() and whyNot(); gives a way to stop watching.
import { ask } from "./dialog.js";

export function watchLeaving(work) {
  const watch = new AbortController();
  const on = (target, name, act) => target.addEventListener(name, (event) => work.isDirty() && act(event), { signal: watch.signal });
  const address = location.href;
  let wish = null; // how one wanted to leave last: back may be pressed again while a save is on its way

  async function leave(go, stay = () => {}) {
    const isFirst = !wish;
    wish = { go, stay };
    if (!isFirst) return;
    while (work.isDirty() && (await work.save()));
    if (work.isDirty()) ask(`${work.whyNot()} Leave, and lose what you typed?`, { word: "Leave", act: goAway, otherwise: remain });
    else settle("go");
  }

  const goAway = () => {
    work.giveUp();
    settle("go");
  };
  const remain = () => settle("stay");

  function settle(how) {
    const act = wish[how];
    wish = null;
    act();
  }

  // Links and forms that htmx follows, where what comes takes the place of what is typed.
  on(document, "htmx:confirm", (event) => {
    const { target, issueRequest } = event.detail;
    if (!target?.contains(work)) return;
    event.preventDefault();
    leave(() => issueRequest(true));
  });
  // Back and forward: the address has changed by then, so who stays is given it again.
  on(document, "htmx:historyCacheMiss", (event) => {
    event.preventDefault();
    leave(() => event.detail.xhr.send(), () => history.pushState({ htmx: true }, "", address));
  });
  // Everything else is the browser's own: it can only ask, and what goes all the same is sent as it goes.
  on(window, "beforeunload", (event) => event.preventDefault());
  on(window, "pagehide", () => work.save());
  return () => watch.abort();
}
