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

// Why a camera is not well. In English these are the server's own sentences (aforo/camera_state.py).
const REASONS = {
  es: {
    "unresolved": "no se encuentra el nombre de equipo de {0}",
    "unreachable": "no se puede alcanzar {0}: {1}",
    "silent": "{0} no responde en {1} s",
    "hung-up": "{0} cierra la conexión sin responder",
    "no-video": "{0} responde, pero no envía video; revise la ruta, el usuario y la contraseña",
    "slow-video": "{0} acepta la conexión, pero no envía video en {1} s",
    "no-usb": "{0} no es una cámara USB que se pueda abrir; ¿está conectada, y ningún otro programa la usa?",
    "no-picture": "ninguna imagen en {0} s desde que se conecta",
    "frozen": "conectada, pero sin imagen nueva desde hace {0} s",
    "stream-over": "{0} terminó la transmisión, o no envió nada durante {1} s",
    "undecodable": "{0} no se puede decodificar ({1})",
    "decoder-stuck": "{0} conexiones anteriores siguen detenidas en el decodificador de video; se reintenta al terminar una",
    "no-file": "no existe el video {0}",
    "directory": "{0} es una carpeta; se esperaba un archivo de video",
    "empty-file": "{0} está vacío (0 bytes); se esperaba un archivo de video",
    "unreadable": "no se puede leer el video {0}: {1}",
    "no-video-file": "{0} no es un video que se pueda leer, o está dañado al comienzo o cortado",
    "pictureless": "{0} no contiene ninguna imagen que se pueda decodificar",
    "cut-off": "{0} está dañado o cortado: su encabezado anuncia {1} imágenes, solo se leyeron {2} y faltan los últimos {3} s",
    "not-here": "ninguna cámara opera en este proceso",
    "not-shown": "se afora, pero ningún proceso worker muestra su imagen; configure `api.announce` en ellos",
    "no-worker": "ningún proceso worker la muestra, y últimamente no se ha aforado nada en ella",
    "worker-gone": "ningún proceso worker la ha mostrado desde {0}, y últimamente no se ha aforado nada en ella",
    "no-store": "no se puede leer el estado de las cámaras: {0}",
  },
};

// What the operating system says of a connection, in the words of Linux.
const NETWORK = {
  es: {
    "Connection refused": "conexión rechazada",
    "Connection reset by peer": "conexión cortada por el otro equipo",
    "No route to host": "no hay ruta hasta el equipo",
    "Network is unreachable": "la red no está al alcance",
    "network error": "error de red",
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
  return filled(Object.hasOwn(TEXTS[language], key) ? TEXTS[language][key] : key, values);
}

function filled(sentence, values) {
  return sentence.replace(/\{(\d)\}/g, (_, index) => values[index]);
}

/** Why a camera is not well, in the language of the page where it knows the sentence; else in the server's words. */
export function said({ reason, reason_code: code, reason_values: values }) {
  const sentence = REASONS[language]?.[code];
  return sentence ? filled(sentence, values.map((value) => NETWORK[language][value] ?? value)) : reason;
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
