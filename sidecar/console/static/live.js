// News by server-sent events: parts of the page that changed are swapped, whatever somebody reads or types stays.
// Counterparts: sidecar/console/events.py tells whether there is anything new, the page itself what it is.

const EVERY = 5000; // milliseconds between two drawings, unless a state changed
const SILENT = 10000; // milliseconds without news after which what is shown is old
const RETRY = 5000; // milliseconds until a stream that was refused is asked for again

const shown = new Map(); // id of a part -> its HTML as the server last wrote it
let drawn = performance.now();
let heard = performance.now();
let at = new Date();
let drawing = false;

const main = () => document.getElementById("main");
const live = (within) => [...within.querySelectorAll("[data-live]")];
const names = (within) => live(within).map((part) => part.id).join();

function remember(within) {
  for (const part of live(within)) shown.set(part.id, part.outerHTML);
}

function swap(fresh, ready) {
  const old = document.getElementById(fresh.id);
  const html = fresh.outerHTML;
  if (!old || shown.get(fresh.id) === html) return;
  shown.set(fresh.id, html);
  remember(fresh);
  const active = document.activeElement;
  const focused = old.contains(active) ? active.id || active.getAttribute("href") : null;
  const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.id));
  const part = document.adoptNode(fresh);
  for (const one of part.querySelectorAll("details")) one.open ||= open.has(one.id);
  old.replaceWith(part);
  if (focused) {
    const named = (one) => one.id === focused || one.getAttribute("href") === focused;
    [...part.querySelectorAll("a, button, summary, [tabindex]")].find(named)?.focus({ preventScroll: true });
  }
  ready(part);
}

async function redraw(ready) {
  if (drawing) return;
  drawing = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Redrawn": "yes" } });
    if (answer.status === 401) location.reload();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const began = performance.now();
    const fresh = page.getElementById("main");
    const { stamp, records } = fresh.dataset;
    // Where parts came or went, such as the list of clients with the first attack, all of them are swapped.
    for (const part of names(page) === names(document) ? live(page) : [fresh]) swap(part, ready);
    Object.assign(main().dataset, { stamp, records });
    drawn = performance.now();
    performance.measure("redraw", { start: began, end: drawn });
  } catch {
    // The banner tells, once it has lasted.
  } finally {
    drawing = false;
  }
}

function tellAge() {
  const banner = document.getElementById("stale");
  const old = performance.now() - heard > SILENT;
  if (old && banner.hidden) {
    banner.textContent = `No news from the sidecar since ${at.toLocaleTimeString()}. This is how things stood then; trying again.`;
  }
  banner.hidden = !old;
  document.body.classList.toggle("old", old);
}

// Whether the sidecar knows more than this page shows, which carries the stamp it was made at. A drawing that
// failed, or came too early, leaves the old stamp, and so is made up for with the next piece of news.
function isNews(news) {
  const { stamp, records } = main().dataset;
  return news.stamp !== stamp || (String(news.records) !== records && heard - drawn >= EVERY);
}

function subscribe(ready) {
  const source = new EventSource("/api/v1/events");
  source.onmessage = (event) => {
    const news = JSON.parse(event.data);
    heard = performance.now();
    at = new Date(news.now);
    if (isNews(news) && !document.hidden) redraw(ready);
  };
  // A browser asks again by itself when a connection breaks, but not when it was refused.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(subscribe, RETRY, ready);
  };
}

export function listen(ready) {
  remember(document);
  subscribe(ready);
  setInterval(tellAge, 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) redraw(ready);
  });
}
