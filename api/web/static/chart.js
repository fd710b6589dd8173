// Volumes as stacked bars. Unobserved intervals are hatched, never drawn as zero; provisional counts are lighter.

import { byClass, colour, element, shape, swatch } from "./dom.js";
import { clockSpan, clockTime, number, percent, roadUserName, text } from "./texts.js";

const HEIGHT = 190;
const TOP = 10;
const BOTTOM = 26; // the labels of the time axis, and the strip that tells of partial observation
const LEFT = 34;
const RIGHT = 6;
const LABEL_PX = 48;
let patterns = 0;

/** A chart whose buckets can be read with pointer and arrow keys. */
export class Chart {
  constructor() {
    this.pattern = `hatch-${(patterns += 1)}`;
    this.buckets = [];
    this.chosen = -1;
    this.readout = element("p", { class: "readout", "aria-live": "polite" });
    this.legend = element("ul", { class: "legend" });
    this.frame = element("div", { class: "chart-frame" });
    this.table = element("details", { class: "as-table", hidden: true });
    this.root = element("div", { class: "chart" }, this.legend, this.frame, this.readout, this.table);
    this.frame.addEventListener("pointermove", (event) => this.choose(this.indexAt(event.offsetX)));
    this.frame.addEventListener("pointerleave", () => this.choose(-1));
    this.frame.addEventListener("keydown", (event) => this.step(event));
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  /** Show these buckets; label says what they are of. */
  show(buckets, place, period) {
    this.buckets = buckets;
    this.place = place;
    this.period = period;
    this.chosen = Math.min(this.chosen, buckets.length - 1);
    this.draw();
    this.fillTable();
  }

  classes() {
    return [...new Set(this.buckets.flatMap((bucket) => bucket.counts.map((row) => row.road_user)))].sort(byClass);
  }

  past() {
    return this.buckets.filter((bucket) => bucket.start <= Date.now());
  }

  draw() {
    const width = this.frame.clientWidth;
    if (!width || !this.buckets.length) return;
    const totals = this.buckets.map(total);
    const ceiling = roundUp(Math.max(4, ...totals));
    this.step_px = (width - LEFT - RIGHT) / this.buckets.length;
    const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / ceiling);
    const sum = totals.reduce((a, b) => a + b, 0);
    const svg = shape("svg", {
      class: "bars", width, height: HEIGHT, role: "img", tabindex: 0,
      "aria-label": this.past().some((bucket) => bucket.observed) ? text("chart", this.place, this.period, number(sum))
        : text("chart_unobserved", this.place, this.period),
    }, this.hatching(), this.grid(ceiling, width, y), this.buckets.map((bucket, index) => this.bar(bucket, index, y)));
    this.marker = shape("rect", { class: "marker", y: TOP, width: this.step_px, height: HEIGHT - TOP - BOTTOM });
    svg.append(this.marker, this.timeAxis());
    const focused = this.frame.contains(document.activeElement);
    this.frame.replaceChildren(svg);
    if (focused) svg.focus();
    this.fillLegend();
    this.choose(this.chosen);
  }

  hatching() {
    return shape("defs", {}, shape("pattern", {
      id: this.pattern, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
    }, shape("rect", { class: "hatch-ground", width: 6, height: 6 }),
    shape("line", { class: "hatch-line", x1: 0, y1: 0, x2: 0, y2: 6 })));
  }

  grid(ceiling, width, y) {
    return [0, ceiling / 2, ceiling].map((value) => shape("g", { class: "grid" },
      shape("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      shape("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value))));
  }

  bar(bucket, index, y) {
    const x = LEFT + index * this.step_px;
    const gap = Math.min(3, this.step_px * 0.2);
    const place = { x: x + gap / 2, width: Math.max(0.5, this.step_px - gap) };
    const whole = { x, width: this.step_px + 0.5 };
    if (!bucket.observed) {
      if (bucket.start > Date.now()) return null;
      return shape("rect", {
        class: "unobserved", ...whole, y: TOP, height: HEIGHT - TOP - BOTTOM, fill: `url(#${this.pattern})`,
      });
    }
    let base = 0;
    const pieces = [...bucket.counts].sort((a, b) => byClass(a.road_user, b.road_user)).flatMap((row) => {
      const settled = row.count - row.provisional;
      return [[settled, ""], [row.provisional, " provisional"]].map(([count, kind]) => {
        if (!count) return null;
        const top = y(base + count);
        const height = y(base) - top;
        base += count;
        return shape("rect", { class: `piece ${colour(row.road_user)}${kind}`, ...place, y: top, height });
      });
    });
    const partly = bucket.complete || bucket.end > Date.now() ? null : shape("rect", {
      class: "partly", ...whole, y: HEIGHT - BOTTOM + 1, height: 5, fill: `url(#${this.pattern})`,
    });
    return shape("g", {}, pieces, partly);
  }

  timeAxis() {
    const every = [1, 2, 3, 4, 6, 8, 12, 15, 20, 24, 48].find((n) => n * this.step_px >= LABEL_PX) ?? 96;
    return shape("g", { class: "axis" }, this.buckets.map((bucket, index) => (index % every ? null
      : shape("text", { x: LEFT + index * this.step_px, y: HEIGHT - 6 }, clockTime(bucket.start)))));
  }

  fillLegend() {
    const items = this.classes().map((name) => element("li", {}, swatch(name), roadUserName(name)));
    if (this.buckets.some((bucket) => bucket.counts.some((row) => row.provisional))) {
      items.push(element("li", {}, element("span", { class: "swatch lighter" }), text("provisional")));
    }
    const past = this.buckets.filter((bucket) => bucket.end <= Date.now());
    if (past.some((bucket) => !bucket.observed)) {
      items.push(element("li", {}, element("span", { class: "swatch hatched" }), text("not_observed")));
    }
    if (past.some((bucket) => bucket.observed && !bucket.complete)) {
      items.push(element("li", {}, element("span", { class: "swatch strip hatched" }), text("partly_legend")));
    }
    this.legend.replaceChildren(...items);
  }

  fillTable() {
    const classes = this.classes();
    const past = this.past();
    const head = element("tr", {}, element("th", { scope: "col" }, text("when")),
      classes.map((name) => element("th", { scope: "col" }, roadUserName(name))),
      element("th", { scope: "col" }, text("total")), element("th", { scope: "col" }, text("observed")));
    const rows = past.map((bucket) => element("tr", {}, element("th", { scope: "row" }, span(bucket)),
      classes.map((name) => element("td", {}, bucket.observed ? number(countOf(bucket, name)) : "–")),
      element("td", {}, bucket.observed ? number(total(bucket)) : "–"),
      element("td", {}, bucket.observed ? percent(bucket.coverage) : text("not_observed"))));
    this.table.hidden = false;
    this.table.replaceChildren(element("summary", {}, text("table")),
      element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, rows))));
  }

  /** Everybody in the chart, and how much of its time was observed: without any there is no number. */
  sum() {
    const past = this.past();
    if (!past.some((bucket) => bucket.observed)) return [element("em", {}, text("not_observed"))];
    const sum = element("strong", {}, number(past.reduce((all, bucket) => all + total(bucket), 0)));
    const now = Date.now();
    if (past.every((bucket) => bucket.complete || bucket.end > now && bucket.observed)) return [sum];
    const observed = past.reduce((all, bucket) => all + bucket.coverage * (bucket.end - bucket.start), 0);
    const share = observed / past.reduce((all, bucket) => all + Math.min(now, bucket.end) - bucket.start, 0);
    if (share >= 0.99) return [sum];
    return [sum, element("em", {}, text("partly", percent(share)))];
  }

  indexAt(x) {
    const index = Math.floor((x - LEFT) / this.step_px);
    return index >= 0 && index < this.buckets.length ? index : -1;
  }

  step(event) {
    const change = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!change) return;
    event.preventDefault();
    this.choose(Math.min(Math.max(this.chosen + change, 0), this.buckets.length - 1));
  }

  choose(index) {
    this.chosen = index;
    this.marker?.classList.toggle("on", index >= 0);
    if (index < 0) {
      this.readout.replaceChildren(element("span", { class: "when" }, text("total")), ...this.sum());
      return;
    }
    const bucket = this.buckets[index];
    this.marker.setAttribute("x", LEFT + index * this.step_px);
    const figures = bucket.observed
      ? [element("strong", {}, number(total(bucket))),
        this.classes().filter((name) => countOf(bucket, name)).map((name) =>
          element("span", {}, swatch(name), `${roadUserName(name)} ${number(countOf(bucket, name))}`)),
        bucket.complete || bucket.end > Date.now() ? null : element("em", {}, text("partly", percent(bucket.coverage)))]
      : bucket.start > Date.now() ? [] : [element("em", {}, text("not_observed"))];
    this.readout.replaceChildren(element("span", { class: "when" }, span(bucket)), ...figures.flat().filter(Boolean));
  }
}

const total = (bucket) => bucket.counts.reduce((sum, row) => sum + row.count, 0);
const countOf = (bucket, name) => bucket.counts.find((row) => row.road_user === name)?.count ?? 0;
const span = (bucket) => clockSpan(bucket.start, bucket.end);

/** The next even number that reads well on an axis, so that half of it does too. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [2, 4, 6, 8, 10, 20].map((step) => step * power).find((step) => step >= value);
}
