// Times in the viewer's zone. Counterpart: `moment` in pages/marks.py, which writes them in UTC.

const DAY = 24 * 3600 * 1000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function shown(at, now = new Date()) {
  return Math.abs(now - at) < DAY && at.getDate() === now.getDate() ? clock.format(at) : date.format(at);
}

export function localise(part) {
  for (const one of part.querySelectorAll("time[datetime]")) {
    const at = new Date(one.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    one.title = one.dateTime;
    one.textContent = shown(at);
  }
}
