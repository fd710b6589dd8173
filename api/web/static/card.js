// One camera: its picture, its state, what it counts.

import { Chart } from "./chart.js";
import { byClass, element, shape, swatch } from "./dom.js";
import { readVolumes, reportAddress } from "./server.js";
import {
  csvSeparator, directionName, intervalName, language, localDay, longDay, moment, number, percent, problemSentence,
  roadUserName, roadUsers, shortName, stateName, text,
} from "./texts.js";

const INTERVALS = { hours: "1h", quarters: "15m", minutes: "1m" };
const MINUTES_SHOWN = 60;
const CHART_EVERY_MS = 10_000;
const ON_ITS_WAY_MS = 180_000; // from a worker's camera to a database that is read

export class Card {
  constructor(camera, newest, report) {
    this.camera = camera;
    this.newest = newest; // the instant whose day is shown
    this.report = report; // takes the sentence of a refused question
    this.counts = new Map(); // line -> rows of direction, road_user, count; null or absent: not known
    this.observed = undefined; // share of the day so far that was observed, null: nothing; undefined: not told yet
    this.dated = camera.last_frame !== null; // whether `newest` is of the camera itself
    this.present = new Map(); // zone -> numbers by road user, null: not known
    this.status = statusOf(camera);
    this.places = [...camera.lines.map((line) => ({ kind: "line", ...line })),
      ...camera.zones.map((zone) => ({ kind: "zone", ...zone }))];
    this.place = this.places[0];
    this.view = null;
    this.inView = false;
    this.chart = new Chart();
    this.build();
  }

  get name() {
    return this.camera.name || this.camera.id;
  }

  build() {
    const title = `camera-${this.camera.id}`;
    this.badge = element("span", { class: "badge" });
    this.detail = element("span", { class: "detail" });
    this.image = element("img", { class: "live" });
    this.blank = element("p", { class: "blank" });
    this.screen = element("button", { type: "button", class: "screen", onclick: () => this.enlarge() },
      shape("svg", { viewBox: "0 0 24 24", width: 16, height: 16, "aria-hidden": "true" },
        shape("path", { d: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5" })));
    this.picture = element("div", { class: "picture" }, this.blank, this.image, this.screen);
    if (this.camera.width_px) this.picture.style.aspectRatio = `${this.camera.width_px} / ${this.camera.height_px}`;
    this.figures = element("div", { class: "figures" });
    this.volumes = element("section", { class: "volumes" });
    this.root = element("article", { class: "card", "aria-labelledby": title, "data-camera": this.camera.id },
      element("header", {}, element("h2", { id: title }, this.name),
        element("p", { class: "state", role: "status" }, this.badge, this.detail)),
      element("div", { class: "body" }, this.picture, element("div", { class: "side" }, this.figures, this.volumes)));
    new IntersectionObserver(([entry]) => {
      this.inView = entry.isIntersecting;
      if (this.inView) this.refresh();
    }).observe(this.root);
  }

  /** Write every text again, as after a change of the language. */
  speak() {
    this.image.alt = text("live_video", this.name);
    this.screen.title = text("full_screen");
    this.screen.setAttribute("aria-label", `${text("full_screen")}: ${this.name}`);
    this.showStatus();
    this.showFigures();
    this.buildVolumes();
  }

  setStatus(status) {
    this.status = status;
    this.showStatus();
  }

  showStatus() {
    const { state, since } = this.status;
    this.root.dataset.state = state;
    this.badge.textContent = stateName(state);
    const parts = [since ? text("since", moment(new Date(since))) : "", problemSentence(this.status)];
    this.detail.textContent = parts.filter(Boolean).join(" · ");
    this.blank.textContent = state === "unknown" ? text("not_here")
      : this.status.picture ? text("opening") : text("no_picture");
  }

  setCounts({ lines, zones, minute, observed }) {
    if (minute) {
      if (!this.dated) this.newest = new Date(0); // what stood there was a guess
      this.dated = true;
      this.refreshSoon(new Date(minute));
    }
    this.observed = observed;
    for (const line of lines) this.counts.set(line.id, line.counts);
    for (const zone of zones) this.present.set(zone.id, zone.present);
    this.showFigures();
  }

  /** A road user crossed: the row lights up for a moment. */
  flash(line, direction) {
    for (const row of this.figures.querySelectorAll("tr[data-line]")) {
      if (row.dataset.line !== line || row.dataset.direction !== direction) continue;
      row.classList.remove("crossed");
      void row.offsetWidth; // starts the animation anew
      row.classList.add("crossed");
    }
  }

  showFigures() {
    const { lines, zones } = this.camera;
    const parts = [];
    if (!lines.length && !zones.length) parts.push(element("p", { class: "quiet" }, text("nothing_counted")));
    if (lines.length) parts.push(this.crossings(lines));
    if (zones.length) {
      parts.push(element("h3", {}, text("zones")),
        element("ul", { class: "zones" }, zones.map((zone) => this.zone(zone))));
    }
    this.figures.replaceChildren(...parts);
  }

  crossings(lines) {
    const counted = [...this.counts.values()].flatMap((rows) => rows ?? []);
    const classes = [...new Set(counted.map((row) => row.road_user))].sort(byClass);
    const head = element("tr", {}, element("th", { scope: "col" }, text("direction")),
      element("th", { scope: "col", class: "number" }, text("total")),
      classes.map((name) => element("th", { scope: "col", class: "number" }, swatch(name),
        element("span", { class: "long" }, roadUserName(name)),
        element("abbr", { class: "short", title: roadUserName(name) }, shortName(name)))));
    const bodies = lines.map((line) => {
      const unknown = !this.counts.get(line.id);
      const rows = this.counts.get(line.id) ?? [];
      return element("tbody", {},
        element("tr", { class: "line-name" },
          element("th", { colspan: classes.length + 2, scope: "rowgroup" }, line.name || line.id)),
        line.directions.map((direction) => {
          const here = rows.filter((row) => row.direction === direction);
          const sum = here.reduce((all, row) => all + row.count, 0);
          const cells = classes.map((name) => here.find((row) => row.road_user === name)?.count ?? 0);
          return element("tr", { "data-line": line.id, "data-direction": direction },
            element("th", { scope: "row" }, directionName(direction)),
            element("td", { class: "number total" }, unknown ? "–" : number(sum)),
            cells.map((count) =>
              element("td", { class: count ? "number" : "number none" }, unknown ? "–" : number(count))));
        }));
    });
    return element("div", { class: "scroll" }, element("table", { class: "crossings" },
      element("caption", {}, `${text("counts")} · ${this.dayName()}`, this.observation()), element("thead", {}, head), bodies));
  }

  /** What the caption says where not the whole day so far was observed. */
  observation() {
    if (this.observed === undefined || this.observed === 1) return null;
    const told = this.observed === null ? text("not_observed") : text("partly", percent(this.observed));
    return [" · ", element("em", { class: "gap" }, told)];
  }

  zone(zone) {
    const present = this.present.get(zone.id) ?? null;
    const numbers = present === null ? [element("em", {}, text("not_known"))]
      : Object.keys(present).length === 0 ? [element("span", { class: "quiet" }, text("nobody"))]
        : Object.keys(present).sort(byClass).map((name) => element("span", { class: "present" },
          swatch(name), roadUsers(present[name], name)));
    return element("li", {}, element("strong", {}, zone.name || zone.id), numbers);
  }

  dayName() {
    const day = localDay(this.newest);
    return day === localDay(new Date()) ? `${text("today")}, ${longDay(this.newest)}` : longDay(this.newest);
  }

  buildVolumes() {
    if (!this.places.length) return;
    const choice = element("select", { "aria-label": text("place"), onchange: (event) => {
      this.place = this.places[event.target.selectedIndex];
      this.linkReports();
      this.refresh();
    } }, this.places.map((place) => element("option", { selected: place === this.place }, place.name || place.id)));
    this.views = Object.keys(INTERVALS).map((view) => element("button", {
      type: "button", "data-view": view, onclick: () => {
        this.view = view;
        this.refresh();
      },
    }, intervalName(view)));
    this.reports = element("p", { class: "reports" });
    this.volumes.replaceChildren(
      element("div", { class: "chart-head" }, element("h3", {}, text("volumes")),
        this.places.length > 1 ? choice : null,
        element("div", { class: "views", role: "group", "aria-label": text("interval") }, this.views)),
      this.chart.root, this.reports);
    this.linkReports();
    this.refresh();
  }

  linkReports() {
    this.reports.replaceChildren(`${text("download")}: `, ...["csv", "xlsx", "pdf"].map((format) => element("a", {
      href: reportAddress(format, this.place.kind, this.place.id, localDay(this.newest), language, csvSeparator()),
      download: true, "aria-label": text("download_of", format.toUpperCase()),
    }, format.toUpperCase())));
  }

  /** A minute has passed: the day of a camera that has shown nothing yet is today. */
  minutePassed() {
    this.refreshSoon(this.dated ? null : new Date());
  }

  /** Ask for the chart's volumes again soon; many calls make one question. */
  refreshSoon(newest) {
    if (newest > this.newest) {
      const nextDay = localDay(newest) !== localDay(this.newest);
      this.newest = newest;
      if (nextDay) this.speak();
    }
    this.timer ??= setTimeout(() => this.refresh(), CHART_EVERY_MS);
  }

  async refresh() {
    clearTimeout(this.timer);
    this.timer = null;
    if (!this.place || !this.inView) return;
    try {
      await this.ask();
      this.report("");
    } catch (error) {
      this.report(error.message);
    }
  }

  async ask() {
    const asked = (this.asked = {}); // of several questions at the same time only the answer to the last is shown
    const { kind, id, name } = this.place;
    const day = localDay(this.newest);
    if (!this.view) {
      const best = await this.bestView(kind, id, day);
      this.view ??= best; // unless somebody chose meanwhile
    }
    for (const button of this.views) button.setAttribute("aria-pressed", String(button.dataset.view === this.view));
    const [from, to] = this.view === "minutes" ? lastMinutes(this.until()) : [day, following(day)];
    const buckets = await readVolumes(kind, id, from, to, INTERVALS[this.view]);
    if (asked === this.asked) this.chart.show(buckets, name || id, this.dayName());
  }

  /** The end of the last minutes: now for a camera that should be live today, so that its silence is seen. */
  until() {
    const now = new Date();
    const silent = !["live", "ended"].includes(this.status.state);
    return silent && localDay(now) === localDay(this.newest) ? now : this.newest;
  }

  /** Hours, unless so little of the day was observed that minutes tell more. */
  async bestView(kind, id, day) {
    const hours = await readVolumes(kind, id, day, following(day), "1h");
    return hours.filter((bucket) => bucket.observed).length > 1 ? "hours" : "minutes";
  }

  /** What the database counted of the day, for a server that runs no cameras itself. */
  async readCounts() {
    const day = localDay(this.newest);
    for (const line of this.camera.lines) {
      const [bucket] = await readVolumes("line", line.id, day, following(day), "1d", "class,direction");
      this.counts.set(line.id, bucket?.observed ? bucket.counts : null);
      this.observed = bucket?.observed ? shareSoFar(bucket) : null;
    }
    this.showFigures();
  }

  enlarge() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.picture.requestFullscreen?.();
  }
}

/** How a camera is, as the list of cameras tells it. */
export function statusOf(camera) {
  // Of a camera that a worker runs, its pictures are handed on while the worker shows them.
  const shown = camera.state === "live" && camera.fps === null && camera.reason_code !== "not-shown";
  const picture = camera.last_frame !== null || shown;
  return { ...camera, since: null, picture };
}

/** Observed share of a bucket until now: 1 where all was, but for what is still on its way. */
function shareSoFar(bucket) {
  const past = Math.min(Date.now(), bucket.end.getTime()) - bucket.start.getTime();
  const observed = bucket.coverage * (bucket.end.getTime() - bucket.start.getTime());
  return past - observed <= Math.max(0.01 * past, ON_ITS_WAY_MS) ? 1 : observed / past;
}

function following(day) {
  const next = new Date(`${day}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}

function lastMinutes(newest) {
  const end = (Math.floor(newest.getTime() / 60_000) + 1) * 60_000;
  return [new Date(end - MINUTES_SHOWN * 60_000).toISOString(), new Date(end).toISOString()];
}

