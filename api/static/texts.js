// Every text of the page, in English and Spanish, and numbers and times as people write them there.

const TEXTS = {
  en: {
    skip: "Skip to the cameras",
    language: "Language",
    loading: "Loading …",
    noCameras: "This site has no cameras yet. Add one to its configuration.",
    noServer: "No contact with the server. What you see may be old; trying again …",
    noAnswer: "The server answered: {0}",
    live: "live", frozen: "frozen", offline: "offline", connecting: "connecting", ended: "ended", unknown: "unknown",
    since: "since {0}",
    liveVideo: "Live picture of {0}",
    noPicture: "No picture yet",
    opening: "Opening the picture …",
    notHere: "This server does not run the camera: counts only",
    fullScreen: "Full screen",
    counts: "Crossings",
    today: "today",
    direction: "Direction",
    total: "Total",
    zones: "In the zones now",
    nobody: "nobody",
    notKnown: "not known",
    volumes: "Volumes",
    place: "Line or zone",
    interval: "Interval",
    hours: "Hours", quarters: "15 min", minutes: "Minutes",
    notObserved: "not observed",
    partly: "partly observed ({0})",
    partlyLegend: "partly observed",
    provisional: "provisional",
    chart: "Volumes of {0}, {1}: {2} road users in all. Arrow keys read single intervals.",
    table: "As a table",
    when: "Interval",
    observed: "Observed",
    download: "Hourly report",
    downloadOf: "Hourly report as {0}",
    nothingCounted: "Nothing is counted in this picture. Give the camera a line or a zone.",
    right: "right", left: "left", up: "up", down: "down", entered: "entered",
    pedestrian: "pedestrian", cyclist: "cyclist", motorcyclist: "motorcyclist", car: "car", bus: "bus",
    truck: "truck", other: "other",
    "short-pedestrian": "ped.", "short-cyclist": "cycl.", "short-motorcyclist": "moto", "short-car": "car",
    "short-bus": "bus", "short-truck": "truck", "short-other": "oth.",
  },
  es: {
    skip: "Ir a las cámaras",
    language: "Idioma",
    loading: "Cargando …",
    noCameras: "Este sitio aún no tiene cámaras. Añada una a su configuración.",
    noServer: "Sin contacto con el servidor. Lo que ve puede ser antiguo; reintentando …",
    noAnswer: "El servidor respondió: {0}",
    live: "en vivo", frozen: "congelada", offline: "fuera de línea", connecting: "conectando", ended: "terminada",
    unknown: "desconocido",
    since: "desde {0}",
    liveVideo: "Imagen en vivo de {0}",
    noPicture: "Aún sin imagen",
    opening: "Abriendo la imagen …",
    notHere: "Este servidor no opera la cámara: solo aforos",
    fullScreen: "Pantalla completa",
    counts: "Cruces",
    today: "hoy",
    direction: "Sentido",
    total: "Total",
    zones: "En las zonas ahora",
    nobody: "nadie",
    notKnown: "no se sabe",
    volumes: "Volúmenes",
    place: "Línea o zona",
    interval: "Intervalo",
    hours: "Horas", quarters: "15 min", minutes: "Minutos",
    notObserved: "no observado",
    partly: "observado en parte ({0})",
    partlyLegend: "observado en parte",
    provisional: "provisional",
    chart: "Volúmenes de {0}, {1}: {2} usuarios de la vía en total. Con las flechas se leen los intervalos.",
    table: "Como tabla",
    when: "Intervalo",
    observed: "Observado",
    download: "Informe por horas",
    downloadOf: "Informe por horas en {0}",
    nothingCounted: "En esta imagen no se cuenta nada. Dé a la cámara una línea o una zona.",
    right: "derecha", left: "izquierda", up: "arriba", down: "abajo", entered: "entradas",
    pedestrian: "peatón", cyclist: "ciclista", motorcyclist: "motociclista", car: "automóvil", bus: "bus",
    truck: "camión", other: "otro",
    "short-pedestrian": "peat.", "short-cyclist": "cicl.", "short-motorcyclist": "moto", "short-car": "auto",
    "short-bus": "bus", "short-truck": "cam.", "short-other": "otro",
  },
};

const KEY = "aforo-language";

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden; the page works without
  }
}

export let language = remembered() ?? (navigator.language.startsWith("es") ? "es" : "en");
if (!(language in TEXTS)) language = "en";

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

/** The text of that key; {0}, {1} … are filled in. A key without text is a name that the site chose: it stays. */
export function text(key, ...values) {
  const found = Object.hasOwn(TEXTS[language], key) ? TEXTS[language][key] : key;
  return found.replace(/\{(\d)\}/g, (_, index) => values[index]);
}

/** A road user in few letters, for narrow tables. */
export function shortName(roadUser) {
  const key = `short-${roadUser}`;
  return text(key) === key ? text(roadUser) : text(key);
}

export function number(value) {
  return new Intl.NumberFormat(language).format(value);
}

export function percent(share) {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

function parts(options, instant) {
  return new Intl.DateTimeFormat(language, { timeZone: zone, hourCycle: "h23", ...options }).format(instant);
}

export const clockTime = (instant) => parts({ hour: "2-digit", minute: "2-digit" }, instant);
export const exactTime = (instant) => parts({ hour: "2-digit", minute: "2-digit", second: "2-digit" }, instant);
export const longDay = (instant) => parts({ weekday: "short", day: "numeric", month: "short", year: "numeric" }, instant);

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
