// What every page has: htmx, and the small things that make a page quick. Without it every page still works.
import "./js/htmx.js";
import { watchElements } from "./js/elements.js";
import { watchEvents } from "./js/events.js";
import "./js/script.js";
import { watchKeys } from "./js/keys.js";
import { watchTheme } from "./js/theme.js";
import { showLocalTimes } from "./js/times.js";

watchElements();
watchEvents();
watchKeys();
watchTheme();
window.htmx.onLoad(showLocalTimes);
