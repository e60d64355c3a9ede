// The map and the table of claims: filtered together, by verdict, study and words.

function setUpFilter(form) {
  const marks = [...document.querySelectorAll("[data-claim]")];
  const search = form.querySelector("input[type=search]");
  const study = form.querySelector("select");
  const verdicts = [...form.querySelectorAll("input[type=checkbox]")];
  const said = form.querySelector("[role=status]");

  function fits(mark, words, wanted) {
    const { study: of, verdict, claim } = mark.dataset;
    const inStudy = !study.value || study.value === of;
    return inStudy && wanted.has(verdict) && words.every((word) => claim.includes(word));
  }

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(verdicts.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    let all = 0;
    for (const mark of marks) {
      const fitting = fits(mark, words, wanted);
      if (mark.tagName === "TR") {
        mark.hidden = !fitting;
        all += 1;
        shown += fitting;
      } else {
        mark.classList.toggle("faded", !fitting);
        mark.tabIndex = fitting ? 0 : -1;
      }
    }
    said.textContent = `${shown} of ${all} claims`;
  }

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  apply();
}

for (const form of document.querySelectorAll("form.claims-filter")) setUpFilter(form);

// What a square of the map stands for, in words below it; titles are for those with a mouse only.
for (const map of document.querySelectorAll(".claims-map")) {
  const words = map.querySelector(".map-words");
  const tell = (event) => {
    const cell = event.target.closest?.("a.claim-cell");
    if (cell) words.textContent = cell.textContent;
  };
  map.addEventListener("pointerover", tell);
  map.addEventListener("focusin", tell);
}
