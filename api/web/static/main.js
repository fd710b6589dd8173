// The page: one card per camera, kept up to date by the server's events.

import { Card, statusOf } from "./card.js";
import { element } from "./dom.js";
import { newestCrossing, readSite, Refusal } from "./server.js";
import {
  duration, exactTime, failureSentence, language, longDay, moment, number, setLanguage, setTimeZone, stateName, text,
} from "./texts.js";
import { Videos } from "./video.js";

const RETRY_MS = 3000;
const STATES = ["live", "connecting", "frozen", "offline", "ended", "unknown"];

const page = Object.fromEntries(["site", "summary", "writing", "clock", "notice", "cameras"]
  .map((id) => [id, document.getElementById(id)]));
const videos = new Videos();
let site = null;
let cards = new Map();
let events = null;
let writing = null; // how writing what is counted goes, null where the server does not write
const notices = new Map(); // what -> function that says it in the language of now

function notice(what, say) {
  if (say) notices.set(what, say);
  else notices.delete(what);
  page.notice.hidden = notices.size === 0;
  page.notice.textContent = [...new Set([...notices.values()].map((speak) => speak()))].join(" ");
}

function failed(what, error) {
  notice(what, () => (error instanceof Refusal ? text("no_answer", error.message) : text("no_server")));
}

function refused(camera) {
  return (sentence) => notice(camera, sentence ? () => text("no_answer", sentence) : null);
}

function speak() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.ariaLabel = text(node.dataset.label);
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.setAttribute("aria-pressed", String(button.dataset.lang === language));
  }
  for (const card of cards.values()) card.speak();
  notice(null);
  summarise();
  tick();
}

function summarise() {
  if (!site) return;
  const states = [...cards.values()].map((card) => card.status.state);
  page.summary.replaceChildren(...STATES.filter((state) => states.includes(state)).map((state) =>
    element("span", { class: "tally", "data-state": state },
      `${number(states.filter((one) => one === state).length)} ${stateName(state)}`)));
}

function tick() {
  if (!site) return;
  const now = new Date();
  page.clock.textContent = `${longDay(now)} ${exactTime(now)}`;
  showWriting(now);
}

/** When the store took rows last, and what waits for it. */
function showWriting(now) {
  page.writing.hidden = writing === null;
  if (writing === null) return;
  const ago = writing.written && duration(Math.max(0, (now - new Date(writing.written)) / 1000));
  page.writing.textContent = [ago ? text("written", ago) : text("nothing_written"), waiting()].join(" · ");
  page.writing.classList.toggle("bad", writing.failure !== "");
}

function waiting() {
  return text("waiting", number(writing.frames_waiting), number(writing.frames_capacity));
}

/** What cannot be written, since when, and what that has cost so far. */
function unwritten() {
  const lost = Object.entries(writing.dropped_s).filter(([, seconds]) => seconds > 0)
    .map(([camera, seconds]) => text("dropped_of", number(seconds, 1), cards.get(camera)?.name ?? camera));
  return [text("not_written", moment(new Date(writing.failing_since)), failureSentence(writing)), `${waiting()}.`,
    lost.length ? text("dropped", lost.join(", ")) : ""].filter(Boolean).join(" ");
}

async function load() {
  try {
    site = await readSite();
  } catch (error) {
    failed("site", error);
    setTimeout(load, RETRY_MS);
    return;
  }
  notice("site", null);
  setTimeZone(site.timezone);
  page.site.textContent = site.name || site.site;
  document.title = `${page.site.textContent} · Aforo`;
  // Where the server runs no cameras, the newest day is the store's; where it does, it is the camera's own, or today.
  const fallback = runsHere() ? null : await newestCrossing().catch(() => null);
  for (const camera of site.cameras) {
    const newest = camera.last_frame ? new Date(camera.last_frame) : fallback ?? new Date();
    const card = new Card(camera, newest, refused(camera.id));
    cards.set(camera.id, card);
    page.cameras.append(card.root);
    videos.add(card.image, camera.id);
    videos.setAvailable(camera.id, card.status.picture);
  }
  page.cameras.classList.toggle("single", cards.size === 1);
  if (!cards.size) page.cameras.append(element("p", { class: "quiet", "data-text": "no_cameras" }));
  speak();
  if (!runsHere()) {
    for (const card of cards.values()) card.readCounts().catch((error) => card.report(error.message));
  } else {
    listen();
  }
}

/** Ask a server without events again how the cameras are and what was counted. */
async function askAgain() {
  const [{ cameras }, newest] = await Promise.all([readSite(), newestCrossing()]);
  for (const camera of cameras) {
    const card = cards.get(camera.id);
    if (!card) continue;
    card.setStatus(statusOf(camera));
    videos.setAvailable(camera.id, card.status.picture);
    card.refreshSoon(newest);
    await card.readCounts();
  }
  summarise();
}

/** Whether the server runs cameras itself: only then it has their figures, and events. */
function runsHere() {
  return Boolean(site?.cameras.some((camera) => camera.fps !== null));
}

/** Follow the server's events while the page is seen: a hidden page leaves its connection to others. */
function listen() {
  if (document.hidden || events) return;
  events = new EventSource("/v1/events");
  let broken = false;
  events.addEventListener("open", () => {
    notice("events", null);
    page.cameras.classList.remove("stale");
    if (broken) videos.arrange(true);
    broken = false;
  });
  events.addEventListener("error", () => {
    broken = true;
    notice("events", () => text("no_server"));
    page.cameras.classList.add("stale");
    if (events.readyState === EventSource.CLOSED) {
      events = null;
      setTimeout(listen, RETRY_MS);
    }
  });
  on("status", (status) => {
    cards.get(status.camera)?.setStatus(status);
    videos.setAvailable(status.camera, status.picture);
    summarise();
  });
  on("writing", (state) => {
    writing = state;
    notice("writing", state.failure ? unwritten : null);
    showWriting(new Date());
  });
  on("counts", (counts) => cards.get(counts.camera)?.setCounts(counts));
  on("crossing", (crossing) => {
    const card = cards.get(crossing.camera);
    card?.flash(crossing.line, crossing.direction);
    card?.refreshSoon(new Date(crossing.at));
  });
}

function on(kind, act) {
  events.addEventListener(kind, (event) => act(JSON.parse(event.data)));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    events?.close();
    events = null;
  } else if (runsHere()) {
    listen();
  }
});
for (const button of document.querySelectorAll("[data-lang]")) {
  button.addEventListener("click", () => {
    setLanguage(button.dataset.lang);
    speak();
    videos.arrange(true);
  });
}
setInterval(tick, 1000);
// Every minute the charts ask again: an unobserved interval raises no event.
setInterval(() => {
  if (document.hidden || !site) return;
  if (runsHere()) for (const card of cards.values()) card.minutePassed();
  else askAgain().then(() => notice("site", null), (error) => failed("site", error));
}, 60_000);
speak();
load();
