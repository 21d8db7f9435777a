// Lines over time that can be pointed at, in the place of the SVG that the page came with.
// Counterpart: `chart` in pages/marks.py, which leaves the numbers in data-chart.

/* global uPlot */

const HEIGHT = 170;
const charts = new Map(); // id of the figure -> its chart and the element that it stands in

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function text(unit, value) {
  if (value === null || value === undefined) return "–";
  if (unit !== "s") return value.toLocaleString(undefined, { maximumSignificantDigits: 4 });
  const [size, name] = value >= 1 ? [1, "s"] : value >= 1e-3 ? [1e-3, "ms"] : [1e-6, "µs"];
  return `${(value / size).toPrecision(3)} ${name}`;
}

// What stands behind the lines: a stretch of time in a tint.
function behind(told) {
  return ({ ctx, bbox, valToPos }) => {
    if (!told.stretch) return;
    const [from, to] = told.stretch.map((at) => Math.max(bbox.left, valToPos(at, "x", true)));
    ctx.save();
    ctx.fillStyle = style("--tint-alarm");
    ctx.fillRect(from, bbox.top, Math.max(2, to - from), bbox.height);
    ctx.restore();
  };
}

// What stands before them: levels as dashes.
function before(told) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = style("--muted");
    ctx.setLineDash([6, 5]);
    for (const level of told.levels) {
      const y = plot.valToPos(level, "y", true);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  };
}

function options(told, width) {
  const line = { stroke: style("--muted"), grid: { stroke: style("--line"), width: 1 }, ticks: { show: false } };
  const from = told.zero ? [0, ...told.levels] : told.levels;
  const range = (_, low, high) => {
    const [least, most] = [Math.min(...from, low ?? 0), Math.max(...from, high ?? 0)];
    const room = (most - least || Math.abs(most) || 1) * 0.06;
    return [told.zero && least === 0 ? 0 : least - room, most + room];
  };
  return {
    width,
    height: HEIGHT,
    legend: { live: true },
    cursor: { points: { size: 7 } },
    scales: { y: { range } },
    axes: [
      { ...line, grid: { show: false } },
      { ...line, size: 64, values: (_, values) => values.map((value) => text(told.unit, value)) },
    ],
    series: [
      { value: (_, at) => (at === null ? "–" : new Date(at * 1000).toLocaleTimeString()) },
      ...told.names.map((name) => ({
        label: name,
        stroke: style(`--line-${name}`) || style("--accent"),
        width: 2,
        dash: name === "relations" || name === "p99" ? [8, 4] : undefined,
        value: (_, value) => text(told.unit, value),
      })),
    ],
    hooks: { drawClear: [behind(told)], draw: [before(told)] },
  };
}

export function draw(part) {
  const figures = part.matches?.("figure[data-chart]") ? [part] : part.querySelectorAll("figure[data-chart]");
  for (const figure of figures) {
    const told = JSON.parse(figure.dataset.chart);
    const old = charts.get(figure.id);
    const shape = JSON.stringify([told.names, told.unit, told.levels, told.stretch, told.zero]);
    const place = figure.querySelector("svg, .plotted");
    if (old && old.shape === shape) {
      place.replaceWith(old.element);
      old.plot.setData(told.points);
      continue;
    }
    old?.plot.destroy();
    const element = document.createElement("div");
    element.className = "plotted";
    place.replaceWith(element);
    const plot = new uPlot(options(told, element.clientWidth || 600), told.points, element);
    charts.set(figure.id, { plot, element, shape });
  }
}

function again() {
  for (const [id, { plot }] of charts) {
    plot.destroy();
    charts.delete(id);
  }
  draw(document);
}

let waiting = 0;
window.addEventListener("resize", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => {
    for (const { plot, element } of charts.values()) {
      if (element.clientWidth) plot.setSize({ width: element.clientWidth, height: HEIGHT });
    }
  });
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
