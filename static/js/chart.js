// Chart: uPlot in the page's own colours. Loaded only where an <hw-chart> stands.
import uPlot from "uplot";

const HEIGHT = 160;

export function draw(element) {
  let plot = null;
  const render = () => {
    plot?.destroy();
    plot = new uPlot(options(element), values(element), element);
  };
  const onTheme = new MutationObserver(render);
  const onSize = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: height(element) }));
  render();
  onTheme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  onSize.observe(element);
  return {
    update() {
      plot?.series.length === series(element).lines.length + 1 ? plot.setData(values(element)) : render();
    },
    destroy() {
      onTheme.disconnect();
      onSize.disconnect();
      plot?.destroy();
    },
  };
}

const series = (element) => JSON.parse(element.dataset.series);
const height = (element) => Number(element.dataset.height) || HEIGHT;

function values(element) {
  const { x, lines } = series(element);
  return [x, ...lines.map((line) => line.y)];
}

// A canvas knows no light-dark(): the colour is read from an element that has it.
function colour(element, role) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${role})`;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const DAY_SECONDS = 86400;

// Hours as the reader's own clock writes them; over more than two days the day alone.
function clock(plot) {
  const { min, max } = plot.scales.x;
  const form = max - min > 2 * DAY_SECONDS ? { weekday: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit" };
  const write = new Intl.DateTimeFormat(undefined, form);
  return (moment) => write.format(new Date(moment * 1000));
}

// A figure between two gaps has no line to stand on: it gets a dot.
function isolated(plot, series) {
  const figures = plot.data[series];
  const stands = (place) => figures[place] != null;
  return figures.map((_, place) => place).filter((at) => stands(at) && !stands(at - 1) && !stands(at + 1));
}

function options(element) {
  const axis = {
    stroke: colour(element, "ink-faint"),
    grid: { stroke: colour(element, "line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui",
  };
  return {
    width: element.clientWidth,
    height: height(element),
    cursor: { y: false, points: { size: 6 } },
    legend: { live: true },
    // From nothing on: a line that only trembles must not look like one that leaps.
    scales: { y: { range: (plot, least, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [{ ...axis, values: (plot, moments) => moments.map(clock(plot)), size: 30 }, { ...axis, size: 56 }],
    series: [
      { label: "at", value: (plot, moment) => (moment == null ? "–" : new Date(moment * 1000).toLocaleString()) },
      ...series(element).lines.map(({ label, tone = "accent" }) => ({
        label,
        stroke: colour(element, tone),
        width: 1.5,
        value: (plot, figure) => (figure == null ? "–" : figure),
        points: { show: true, size: 5, filter: isolated },
      })),
    ],
  };
}
