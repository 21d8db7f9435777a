// The map of rows: pointing says which call a point is, a click goes there. Counterpart: map_picture.py, which draws
// it; the points come from the API only once somebody points. By keys: the table of calls below holds the same.

const NEAR = 14; // units of the picture

let points = null;
let asked = 0;

async function load() {
  if (performance.now() - asked < 5000) return;
  asked = performance.now();
  const told = await (await fetch("/api/v1/map")).json();
  points = [
    ...told.clean.map((one) => ({ ...one, kind: "clean" })),
    ...told.flagged.map((one) => ({ ...one, kind: one.cohort === null ? "in no group" : `group ${one.cohort}` })),
  ];
}

// The picture was scaled to hold all rows: the same line, fitted by the two extremes of each axis.
function place(svg) {
  const box = svg.getBoundingClientRect();
  const view = svg.viewBox.baseVal;
  const { x0, y0, sx, sy, margin } = svg.dataset;
  return (event) => {
    const x = ((event.clientX - box.left) / box.width) * view.width;
    const y = view.height - ((event.clientY - box.top) / box.height) * view.height;
    return [(x - margin) / sx + Number(x0), (y - margin) / sy + Number(y0), sx, sy];
  };
}

function nearest(svg, event) {
  const [x, y, sx, sy] = place(svg)(event);
  let best = null;
  let least = NEAR;
  for (const one of points ?? []) {
    const distance = Math.hypot((one.at[0] - x) * sx, (one.at[1] - y) * sy);
    if (distance < least) [best, least] = [one, distance];
  }
  return best;
}

export function watch(part) {
  const svg = part.querySelector(".map svg");
  if (!svg) return;
  const said = part.querySelector("#map-said");
  svg.addEventListener("pointerenter", () => load().catch(() => {}));
  svg.addEventListener("pointermove", (event) => {
    const one = nearest(svg, event);
    svg.style.cursor = one ? "pointer" : "";
    said.textContent = one ? `${one.kind}: row ${one.row + 1} of call ${one.id}, p = ${Number(one.p).toPrecision(3)}` : "";
  });
  svg.addEventListener("click", (event) => {
    const one = nearest(svg, event);
    if (one) location.href = `/exchanges/${encodeURIComponent(one.id)}`;
  });
}
