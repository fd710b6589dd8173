// What the page asks the server.

/** The server's own sentence about what went wrong. */
export class Refusal extends Error {}

async function ask(path, parameters = {}) {
  const query = new URLSearchParams(parameters);
  const answer = await fetch(`/v1/${path}?${query}`, { headers: { accept: "application/json" } });
  if (answer.ok) return answer.json();
  const body = await answer.json().catch(() => ({}));
  throw new Refusal(body.error ?? answer.statusText);
}

/** The site with its cameras, each with its own lines and zones. */
export async function readSite() {
  const [site, { lines }, { zones }] = await Promise.all([ask("cameras"), ask("lines"), ask("zones")]);
  for (const camera of site.cameras) {
    camera.lines = lines.filter((line) => line.camera === camera.id);
    camera.zones = zones.filter((zone) => zone.camera === camera.id);
  }
  return site;
}

/** When the newest road user crossed one of the lines, null where none ever did. */
export async function newestCrossing() {
  const { rows } = await ask("crossings", { from: "1970-01-01", limit: 1 });
  return rows.length ? new Date(rows[0].at) : null;
}

/** Buckets of one place, oldest first: start, end, coverage, complete, counts (null: not observed) by class. */
export async function readVolumes(kind, place, from, to, interval, by = "class") {
  const { rows } = await ask("volumes", { [kind]: place, from, to, interval, by });
  const buckets = new Map();
  for (const row of rows) {
    if (!buckets.has(row.start)) {
      buckets.set(row.start, {
        start: new Date(row.start),
        end: new Date(row.end),
        coverage: row.coverage,
        complete: row.complete,
        counts: [],
        observed: row.count !== null,
      });
    }
    if (row.count) buckets.get(row.start).counts.push(row);
  }
  return [...buckets.values()];
}

export function reportAddress(format, kind, place, day, lang, separator) {
  const query = new URLSearchParams({ [kind]: place, day, lang });
  if (format === "csv") query.set("separator", separator);
  return `/v1/reports/hourly.${format}?${query}`;
}

export function pictureAddress(camera, kind, widthPx, lang) {
  const query = new URLSearchParams({ width: widthPx, lang, at: Date.now() });
  return `/v1/live/${encodeURIComponent(camera)}.${kind}?${query}`;
}
