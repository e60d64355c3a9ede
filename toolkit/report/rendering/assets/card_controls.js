// What a reader chooses for a chart of scores. Controls bear the names of the chart's parameters.

function valuesOf(form) {
  const values = {};
  for (const control of form.elements) {
    if (control.type === "checkbox") {
      values[control.name] ??= [];
      if (control.checked) values[control.name].push(control.value);
    } else if (control.name && (control.type !== "radio" || control.checked)) {
      values[control.name] = control.value;
      if (control.dataset.title) values.sizeTitle = control.dataset.title;
    }
  }
  return values;
}

// Not every metric was scored in every prompt format: the one just chosen takes the other along.
function pairUp(form, pairs, changed) {
  const { metric, prompt_format: format } = form.elements;
  if (!metric || !format) return;
  if (pairs.some(([m, f]) => m === metric.value && f === format.value)) return;
  const [m, f] = pairs.find((pair) => pair[changed === format ? 1 : 0] === changed.value);
  metric.value = m;
  format.value = f;
}

function wordsOf(form, pairs, values) {
  const { fitted, pointsOnly, compute } = form.dataset;
  if (values.arms && !values.arms.length) return "No arm is chosen.";
  const [[metric, format]] = pairs;
  const same = (values.metric ?? metric) === metric && (values.prompt_format ?? format) === format;
  if (values.size_axis === "compute") return `${pointsOnly} ${compute}`;
  return same ? fitted : pointsOnly;
}

function setUpControls(form) {
  const chart = form.closest(".claim").querySelector(".ours .vega-chart");
  const said = form.querySelector("[role=status]");
  const pairs = JSON.parse(form.dataset.pairs);

  function apply(event) {
    if (event) pairUp(form, pairs, event.target);
    const values = valuesOf(form);
    said.textContent = wordsOf(form, pairs, values);
    states.get(chart).chosen = values;
    soon();
  }

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  // A browser may remember what was chosen before the page was left.
  form.reset();
}

for (const form of document.querySelectorAll("form.card-controls")) setUpControls(form);
