// Times: drawn in the reader's own zone; the exact UTC stays in the title.
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "narrow" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const TICK_SECONDS = 20;
export const OWN_ZONE = FULL.resolvedOptions().timeZone ?? "UTC";

export function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) show(time);
  for (const zone of root.querySelectorAll("[data-own-zone]")) zone.textContent = OWN_ZONE;
}

setInterval(() => {
  for (const time of document.querySelectorAll('time[data-form="ago"]')) show(time);
}, TICK_SECONDS * 1000);

function show(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  time.textContent = time.dataset.form === "ago" ? ago(at) : FULL.format(at);
}

function ago(at) {
  const seconds = (at.getTime() - Date.now()) / 1000;
  if (Math.abs(seconds) > 7 * 86400) return FULL.format(at);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return AGO.format(Math.trunc(seconds / size), unit);
}
