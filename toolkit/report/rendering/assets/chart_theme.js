// What charts look like: colours, sizes and words that follow the page and the width there is.

const root = document.documentElement;
const darkQuery = window.matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  if (root.classList.contains("printing")) return false;
  // Quarto lets readers choose, and says so on the body.
  if (document.body.classList.contains("quarto-dark")) return true;
  if (document.body.classList.contains("quarto-light")) return false;
  return darkQuery.matches;
}

// Kept apart by readers with any colour vision (after Okabe and Ito); lighter on dark ground.
const CATEGORIES = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b0528a", "#6b7280", "#a87b00", "#3f9bd1"],
  dark: ["#56b4e9", "#ff9a5c", "#3fd0a3", "#e6a3c8", "#b8bfc6", "#f0c04a", "#9dcbf7"],
};

// Colours that a chart names itself do for both grounds, but for the grey of its words.
const ON_DARK = {
  "#5f6670": "#a7b0b9",
  "#000000": "#e3e6e9", "#ffffff": "#15181c", "black": "#e3e6e9", "white": "#15181c",
};

function inScheme(json) {
  if (!isDark()) return json;
  return json.replace(/"(#[0-9a-f]{6}|black|white)"(?!:)/gi, (all, colour) => {
    const other = ON_DARK[colour.toLowerCase()];
    return other ? `"${other}"` : all;
  });
}

// A title wider than its chart would be cut off: break it between words.
function broken(title, width) {
  if (Array.isArray(title) || !title) return title;
  if (typeof title === "object") return { ...title, text: broken(title.text, width) };
  const room = Math.max(16, Math.floor((width - 20) / 8));
  const lines = [""];
  for (const word of String(title).split(" ")) {
    const last = lines.length - 1;
    if (lines[last] && lines[last].length + word.length >= room) lines.push(word);
    else lines[last] += (lines[last] ? " " : "") + word;
  }
  return lines.length > 1 ? lines : title;
}

// Below this a legend beside the plot leaves no room for the plot.
const NARROW = 520;

function themed(width) {
  const style = getComputedStyle(document.body);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = colour("--text");
  const muted = colour("--muted");
  const guide = { labelColor: muted, titleColor: text, labelFontSize: 12, titleFontSize: 12.5 };
  return {
    font: style.getPropertyValue("--sans").trim() || "sans-serif",
    view: { stroke: null },
    axis: {
      ...guide,
      titleFontWeight: 500,
      gridColor: colour("--grid"),
      domainColor: colour("--rule"),
      tickColor: colour("--rule"),
    },
    legend: {
      ...guide,
      titleFontWeight: 500,
      labelLimit: 220,
      ...(width < NARROW ? { orient: "bottom", direction: "vertical" } : {}),
    },
    header: { ...guide, titleFontWeight: 500 },
    title: { color: text, subtitleColor: muted, fontSize: 14, anchor: "start" },
    mark: { color: colour("--link") },
    range: { category: CATEGORIES[isDark() ? "dark" : "light"] },
    text: { color: text },
    rule: { color: muted },
  };
}

const COMPOUND = ["facet", "repeat", "concat", "hconcat", "vconcat", "spec"];

// The drawing fills the place that was kept for it, to the pixel, so that nothing below moves.
function fitted(spec, width, height) {
  const compound = COMPOUND.some((name) => name in spec);
  const faceted = ["row", "column", "facet"].some((name) => name in (spec.encoding ?? {}));
  const fixed = typeof spec.width === "number" && spec.width <= width;
  const stepped = typeof spec.width === "object";
  if (compound || faceted || fixed || stepped) return spec;
  const title = broken(spec.title, width);
  const titled = title === undefined ? spec : { ...spec, title };
  const whole = typeof spec.height !== "object";
  const autosize = { type: whole ? "fit" : "fit-x", contains: "padding", ...spec.autosize };
  return { ...titled, width, ...(whole ? { height } : {}), autosize };
}

function escaped(value) {
  const box = document.createElement("span");
  box.textContent = String(value);
  return box.innerHTML;
}

function tooltipText(value) {
  if (value === null || typeof value !== "object") return escaped(value);
  const rows = Object.entries(value).map(
    ([key, item]) => `<tr><th>${escaped(key)}</th><td>${escaped(item)}</td></tr>`,
  );
  return `<table>${rows.join("")}</table>`;
}
