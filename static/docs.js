// The API's documentation: Swagger UI, served by ourselves, in the page's theme. Its own bundle, for its own page.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";

const root = document.documentElement;
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  const { theme } = root.dataset;
  root.classList.toggle("dark-mode", theme === "dark" || (theme !== "light" && prefersDark.matches));
}

follow();
prefersDark.addEventListener("change", follow);
new MutationObserver(follow).observe(root, { attributeFilter: ["data-theme"] });

const place = document.getElementById("swagger");
SwaggerUI({ domNode: place, url: place.dataset.url, deepLinking: true, docExpansion: "list", validatorUrl: null });
