// The words of the page in the language of its reader, and numbers and times as people write them there. The words
// themselves stand in the program's catalogue, aforo/words; the server makes words.js of it.

import { WORDS } from "./words.js";

const KEY = "aforo-language";

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden; the page works without
  }
}

export let language = remembered() ?? (navigator.language.startsWith("es") ? "es" : "en");
if (!Object.hasOwn(WORDS, language)) language = "en";

let zone = "UTC";

export function setLanguage(chosen) {
  language = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // as above
  }
}

export function setTimeZone(name) {
  zone = name;
}

const words = () => WORDS[language];

/** A text of the page; {0}, {1} … are filled in. */
export function text(key, ...values) {
  const sentence = words().page[key];
  if (sentence === undefined) console.error(`the catalogue of words has no text ${key}`);
  return filled(sentence ?? key, values);
}

function filled(sentence, values) {
  return sentence.replace(/\{(\d)\}/g, (_, index) => values[index]);
}

// Road users and directions without a word of their own are names that the site chose: they stay.
const own = (topic, name) => (Object.hasOwn(topic, name) ? topic[name] : null);

export const directionName = (direction) => own(words().directions, direction)?.label ?? direction;
export const roadUserName = (roadUser) => own(words().road_users, roadUser)?.one ?? roadUser;

/** A road user in few letters, for narrow tables. */
export const shortName = (roadUser) => own(words().road_users, roadUser)?.short ?? roadUser;

/** So many road users of a class. */
export function roadUsers(count, roadUser) {
  const names = own(words().road_users, roadUser);
  return `${number(count)} ${names ? (count === 1 ? names.one : names.many) : roadUser}`;
}

export const stateName = (state) => words().camera_states[state];
export const intervalName = (interval) => words().intervals[interval];

/** Why a camera is not well, "" while all is well; a problem that the catalogue does not know is in the server's words. */
export function problemSentence({ reason, reason_code: code, reason_values: values }) {
  const sentence = own(words().problems, code);
  return sentence ? filled(sentence, values.map((value) => own(words().problem_reasons, value) ?? value)) : reason;
}

/** Why nothing can be written, as `problemSentence`. */
export const failureSentence = ({ failure, failure_code: code, failure_values: values }) =>
  problemSentence({ reason: failure, reason_code: code, reason_values: values });

/** What a spreadsheet in this language expects between the cells of a CSV. */
export const csvSeparator = () => (words().numbers.decimal === "," ? "semicolon" : "comma");

/** A whole number, or one with decimals, with the marks of the language, as reports have it. */
export function number(value, decimals = 0) {
  const { thousands, decimal } = words().numbers;
  const marks = { ",": thousands, ".": decimal };
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    .replace(/[,.]/g, (mark) => marks[mark]);
}

/** A share 0 to 1 in percent; only the whole is called 100 %, and only nothing 0 %. */
export function percent(share) {
  if (share > 0 && share < 0.001) return `< ${percent(0.001)}`;
  const shown = Math.round(1000 * (share < 1 ? Math.min(share, 0.999) : share)) / 10;
  return `${number(shown, Number.isInteger(shown) ? 0 : 1)} %`;
}

/** A length of time, in seconds or minutes. */
export function duration(seconds) {
  return seconds < 120 ? `${number(Math.round(seconds))} s` : `${number(Math.floor(seconds / 60))} min`;
}

function parts(options, instant) {
  return new Intl.DateTimeFormat(language, { timeZone: zone, hourCycle: "h23", ...options }).format(instant);
}

export const clockTime = (instant) => parts({ hour: "2-digit", minute: "2-digit" }, instant);
export const exactTime = (instant) => parts({ hour: "2-digit", minute: "2-digit", second: "2-digit" }, instant);
export const longDay = (instant) => parts({ weekday: "short", day: "numeric", month: "short", year: "numeric" }, instant);

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

/** The offset of the site's time from UTC, such as -0400. */
const offset = (instant) => new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" })
  .formatToParts(instant).find((part) => part.type === "timeZoneName").value.slice(3).replace(":", "") || "+0000";

/** From when until when a bucket of up to an hour lasts; on days when the clocks change, when 01:00–02:00 can come twice,
    with the offset that both ends are told in. */
export function clockSpan(start, end) {
  const [hour, minute] = clockTime(start).split(":").map(Number);
  const begins = 60 * hour + minute;
  const ends = (begins + (end - start) / MINUTE_MS) % DAY_MINUTES;
  const [before, after] = [-begins, DAY_MINUTES - begins].map((minutes) => offset(new Date(+start + minutes * MINUTE_MS)));
  const twoDigits = (value) => String(Math.floor(value)).padStart(2, "0");
  const until = `${twoDigits(ends / 60)}:${twoDigits(ends % 60)}`;
  return `${clockTime(start)}–${until}${before === after ? "" : ` (${offset(start)})`}`;
}

/** The local day of an instant at the site, as 2025-11-22. */
export function localDay(instant) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" })
    .format(instant);
}

/** A time of today is shown as time alone, any other with its day. */
export function moment(instant) {
  const sameDay = localDay(instant) === localDay(new Date());
  return sameDay ? exactTime(instant) : `${longDay(instant)} ${exactTime(instant)}`;
}
