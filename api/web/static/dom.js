// Making elements. Everything that came from elsewhere goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const element = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);

export const shape = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

export const CLASSES = ["pedestrian", "cyclist", "motorcyclist", "car", "bus", "truck", "other"];

/** In the order of tables and reports; classes of the site's own come last. */
export function byClass(a, b) {
  const place = (name) => (CLASSES.includes(name) ? CLASSES.indexOf(name) : CLASSES.length);
  return place(a) - place(b) || a.localeCompare(b);
}

/** The CSS class that carries the colour of a road user. */
export const colour = (roadUser) => `of-${CLASSES.includes(roadUser) ? roadUser : "other"}`;

export const swatch = (roadUser) => element("span", { class: `swatch ${colour(roadUser)}`, "aria-hidden": "true" });
