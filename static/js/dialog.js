// Dialog: asks before what cannot be undone. Cancel has the focus: a stray Enter changes nothing.
export function ask(question, { word, look = "primary", act, otherwise = () => {} }) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Please confirm");
  const text = document.createElement("p");
  text.textContent = question;
  const row = document.createElement("form");
  row.method = "dialog";
  row.className = "row";
  for (const [label, value, className] of [["Cancel", "no", ""], [word, "yes", look]]) {
    row.append(Object.assign(document.createElement("button"), { textContent: label, value, className }));
  }
  dialog.append(text, row);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "yes") act();
    else otherwise();
  });
  document.body.append(dialog);
  dialog.showModal();
  row.firstElementChild.focus();
}
