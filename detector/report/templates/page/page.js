"use strict";
const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const root = document.documentElement;

for (const part of all("[data-needs-script]")) part.hidden = false;

// Light and dark: the reader's system decides until the button is used.
const theme = one("#theme");
const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
const nameTheme = () => { theme.textContent = isDark() ? "Light colours" : "Dark colours"; };
theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; nameTheme(); });
dark.addEventListener("change", nameTheme);
nameTheme();

const body = one("#accounts tbody");
if (body) {
  const rows = [...body.rows];
  const caseOf = new Map(rows.map((row) => [row, one(row.querySelector("a").hash)]));
  const text = (row, column) => row.cells[column].textContent.trim();
  const number = (row, column) => Number.parseFloat(text(row, column).replaceAll(",", ""));

  // Sorting: a cell without a value goes last either way.
  const compare = (column, numeric, sign) => (a, b) => {
    if (!numeric) return sign * text(a, column).localeCompare(text(b, column), "en");
    const [x, y] = [number(a, column), number(b, column)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  };
  const heads = all("#accounts thead th");
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const numeric = head.classList.contains("n");
    const first = numeric ? "descending" : "ascending";
    const next = { ascending: "descending", descending: "ascending" };
    const way = head.ariaSort ? next[head.ariaSort] : first;
    for (const other of heads) other.removeAttribute("aria-sort");
    head.ariaSort = way;
    body.append(...rows.toSorted(compare(column, numeric, way === "ascending" ? 1 : -1)));
  }));

  // Filtering: every word must stand somewhere in the row.
  const [words, verdict, family, count] = ["#words", "#verdict", "#family", "#count"].map(one);
  const filter = () => {
    const sought = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const said = row.textContent.toLowerCase();
      const fits = sought.every((word) => said.includes(word))
        && (!verdict.value || text(row, 1) === verdict.value)
        && (!family.value || text(row, 5).split(", ").includes(family.value));
      row.hidden = !fits;
      caseOf.get(row).hidden = !fits;
      shown += fits;
    }
    count.value = `${shown} of ${rows.length} accounts shown`;
  };
  for (const control of [words, verdict, family]) control.addEventListener("input", filter);
  one("#filters").addEventListener("submit", (event) => event.preventDefault());
  one("#clear").addEventListener("click", () => { one("#filters").reset(); filter(); });
  filter();

  // A link to a case opens it and takes the keyboard there.
  const open = () => {
    const found = /^#c\d+$/.test(location.hash) && one(location.hash);
    if (!found) return;
    found.hidden = false;
    found.open = true;
    found.querySelector("summary").focus({ preventScroll: true });
    found.scrollIntoView();
  };
  addEventListener("hashchange", open);
  body.addEventListener("click", (event) => {
    if (event.target.closest("a")?.hash === location.hash) open();
  });
  open();

  // A case that is opened shows its header lists in place.
  for (const found of all(".case")) found.addEventListener("toggle", () => {
    for (const link of found.querySelectorAll('a[href^="#l"]')) {
      link.parentElement.after(one(`${link.hash} table`).cloneNode(true));
      link.replaceWith(link.textContent);
    }
  });
  one("#open").addEventListener("click", () => { for (const found of all(".case:not([hidden])")) found.open = true; });
  one("#close").addEventListener("click", () => { for (const found of all(".case")) found.open = false; });
}
