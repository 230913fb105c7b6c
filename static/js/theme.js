// Theme: chosen without asking the server, which reads the cookie when the next page is drawn.
const YEAR_SECONDS = 365 * 24 * 3600;

export function watchTheme() {
  document.addEventListener(
    "submit",
    (event) => {
      if (!event.target.matches("form[data-theme-form]")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const theme = event.submitter.value;
      document.documentElement.dataset.theme = theme;
      document.cookie = `hookwright_theme=${theme}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
      for (const button of event.target.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(button.value === theme));
      }
    },
    true,
  );
}
