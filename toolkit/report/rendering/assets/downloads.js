// Files out of the page: those it carries, and each chart as a picture or as its numbers.

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Files lie packed in their links, which work without scripts too: as .gz.
async function unpacked(link) {
  const packed = atob(link.href.slice(link.href.indexOf(",") + 1));
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Blob([await new Response(stream).arrayBuffer()], { type: link.dataset.type });
}

for (const link of document.querySelectorAll("a.download[data-name]")) {
  if (!window.DecompressionStream) break;
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    save(await unpacked(link), link.dataset.name);
  });
}

function quoted(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// All tables behind a chart in one: a column each, empty where a table lacks it.
function csvOf(spec) {
  const rows = Object.values(spec.datasets ?? {}).flat();
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => columns.map((column) => quoted(row[column])).join(","));
  return `${[columns.map(quoted).join(","), ...lines].join("\n")}\n`;
}

function fileName(element) {
  const { title } = JSON.parse(specOf(element));
  const words = [title?.text ?? title ?? element.closest("[id]")?.id ?? "chart"].flat().join(" ");
  return words.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "chart";
}

// Pictures are for other pages and for paper: light, whatever this page is.
const PICTURE_WIDTH = 720;

async function picture(element, kind) {
  const place = document.createElement("div");
  await loadVega();
  const printing = root.classList.contains("printing");
  root.classList.add("printing");
  const drawn = embed(element, place, PICTURE_WIDTH, states.get(element).height, "white");
  root.classList.toggle("printing", printing);
  const { view, finalize } = await drawn;
  try {
    if (kind === "svg") return new Blob([await view.toSVG()], { type: "image/svg+xml" });
    const canvas = await view.toCanvas(2);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  } finally {
    finalize();
  }
}

const KINDS = {
  SVG: (element) => picture(element, "svg"),
  PNG: (element) => picture(element, "png"),
  CSV: (element) => new Blob([csvOf(JSON.parse(specOf(element)))], { type: "text/csv" }),
};

function chartButtons(element) {
  const line = document.createElement("p");
  line.className = "chart-files";
  line.append("Download: ");
  for (const [kind, made] of Object.entries(KINDS)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = kind;
    button.setAttribute("aria-label", `Download as ${kind}: ${element.getAttribute("aria-label")}`);
    button.addEventListener("click", async () => {
      save(await made(element), `${fileName(element)}.${kind.toLowerCase()}`);
    });
    line.append(button);
  }
  return line;
}

for (const element of states.keys()) {
  const fold = element.parentElement.querySelector(":scope > .chart-data");
  fold?.querySelector("summary").after(chartButtons(element));
}
