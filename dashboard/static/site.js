"use strict";
// Draws the charts, swaps the slices, sorts and filters the tables, keeps the theme.
// All text that is put into the page was escaped when it was written; data goes into charts only.
const observatory = (() => {
  const root = () => document.documentElement.dataset.root;
  const received = new Map();
  const waiting = new Map();
  const drawn = new Set();
  const views = new WeakMap();

  // --- theme ------------------------------------------------------------------------------
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const chosen = stored();
  if (chosen) document.documentElement.dataset.theme = chosen;

  const isDark = () => {
    const theme = document.documentElement.dataset.theme;
    return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };

  function switchTheme() {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* a file may have no storage */ }
    redraw();
  }

  // --- data: scripts, because a page opened as a file may read nothing else ------------------
  function receive(name, content) {
    received.set(name, content);
    waiting.get(name)?.resolve(content);
    waiting.delete(name);
  }

  function payload(name) {
    if (received.has(name)) return Promise.resolve(received.get(name));
    if (!waiting.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
      waiting.set(name, entry);
      const script = document.createElement("script");
      script.src = `${root()}data/${name}.js`;
      script.onerror = () => entry.reject(new Error(`${script.src} is not there`));
      document.head.append(script);
    }
    return waiting.get(name).promise;
  }

  function rows(columns) {
    // A bare date is midnight in Greenwich, the day before in America: with a time it is local.
    const local = (c) => /^\d{4}-\d\d-\d\d$/.test(c[0]) ? c.map((day) => day && `${day}T00:00:00`) : c;
    const whole = Object.entries(columns).map(([name, c]) => {
      const of = local(c.of ?? c);
      return [name, c.of ? c.at.map((i) => of[i]) : of];
    });
    const length = whole[0]?.[1].length ?? 0;
    return Array.from({ length }, (_, i) => Object.fromEntries(whole.map(([name, c]) => [name, c[i]])));
  }

  // --- charts -------------------------------------------------------------------------------
  // The style sheet's colours as the page shows them now: each is asked once a drawing.
  function palette() {
    const probe = document.body.appendChild(document.createElement("i"));
    const known = new Map();
    const colour = (name) => {
      if (!known.has(name)) {
        probe.style.color = `var(${name})`;
        known.set(name, getComputedStyle(probe).color);
      }
      return known.get(name);
    };
    return { colour, done: () => probe.remove() };
  }

  function resolved(value, colour) {
    if (typeof value === "string") return value.replace(/^var\((--[\w-]+)\)$/, (_, name) => colour(name));
    if (Array.isArray(value)) return value.map((item) => resolved(item, colour));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolved(v, colour)]));
    }
    return value;
  }

  function config(colour) {
    const font = "Inter, system-ui, sans-serif";
    return {
      background: "transparent",
      font,
      view: { stroke: null },
      axis: {
        labelColor: colour("--ink-quiet"), labelFont: font, labelFontSize: 12, labelPadding: 8,
        gridColor: colour("--rule"), domainColor: colour("--rule-strong"), ticks: false, domain: false,
      },
      axisX: { domain: true, ticks: true, tickColor: colour("--rule-strong"), tickSize: 4, labelPadding: 5 },
      text: { font },
    };
  }

  async function draw(element, panels, colour) {
    const figure = element.closest("figure");
    const spec = resolved(JSON.parse(figure.querySelector("script.spec").textContent), colour);
    const parameters = JSON.parse(element.dataset.parameters);
    const data = panels[element.dataset.panel];
    spec.config = config(colour);
    for (const [name, columns] of Object.entries(data)) {
      (spec.datasets ??= {})[name] = resolved(rows(columns), colour);
    }
    // A layer without rows would only complain that its axis has no extent.
    spec.layer &&= spec.layer.filter((layer) => !layer.data?.name || spec.datasets[layer.data.name]?.length);
    for (const parameter of spec.params ?? []) {
      if (parameter.name in parameters) parameter.value = parameters[parameter.name];
    }
    element.replaceChildren();
    const { view } = await vegaEmbed(element, spec, {
      actions: false, renderer: "svg", ast: true, tooltip: { theme: "custom" },
    });
    views.set(element, view);
    element.dataset.drawn = "yes";
  }

  async function drawAll(container) {
    const name = container.dataset.payload;
    if (!name) return;
    const content = await payload(name);
    if (container.dataset.payload !== name) return;
    await document.fonts.ready;
    drawn.add(container);
    const { colour, done } = palette();
    const charts = [...container.querySelectorAll(".chart")];
    await Promise.all(charts.map((element) => draw(element, content.panels, colour))).finally(done);
  }

  function redraw() {
    for (const container of drawn) if (container.isConnected) drawAll(container);
  }

  // --- slices ---------------------------------------------------------------------------------
  function choices(form) {
    const slice = document.getElementById("slice");
    const fields = ["window_name", "cohort", "scope"];
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) {
      const input = [...form.elements].find((e) => e.name === field && e.value === wanted.get(field));
      if (input?.type === "radio") input.checked = true;
    }
    const key = () => fields.map((field) => new FormData(form).get(field)).join("-");
    async function show() {
      const name = `${form.dataset.stem}-${key()}`;
      if (slice.dataset.payload === name) return;
      slice.dataset.payload = name;
      try {
        const content = await payload(name);
        if (slice.dataset.payload !== name) return;
        slice.innerHTML = content.html;
        furnish(slice);
        await drawAll(slice);
      } catch (error) {
        slice.innerHTML = '<p class="not-yet"><strong>This combination was not published.</strong> Choose another window or kind.</p>';
      }
    }
    form.addEventListener("change", () => {
      const state = new URLSearchParams([...new FormData(form)]);
      history.replaceState(null, "", `#${state}`);
      show();
    });
    if (location.hash.length > 1) show();
  }

  // --- choices that only change what a chart shows ---------------------------------------------
  function signals(form) {
    form.addEventListener("change", (event) => {
      for (const element of document.querySelectorAll(`#${form.dataset.signals} .chart`)) {
        const parameters = JSON.parse(element.dataset.parameters);
        element.dataset.parameters = JSON.stringify({ ...parameters, [event.target.name]: event.target.value });
        views.get(element)?.signal(event.target.name, event.target.value).runAsync();
      }
    });
  }

  // --- tables -----------------------------------------------------------------------------------
  function sortable(table) {
    const body = table.tBodies[0];
    if (!body?.rows.length) return;
    const columns = leaves(table);
    columns.forEach((head, place) => {
      if (!body.rows[0].cells[place]?.querySelector("[data-sort]")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") !== "descending";
        columns.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const value = (row) => row.cells[place].querySelector("[data-sort]")?.dataset.sort ?? "";
        const numeric = [...body.rows].every((row) => value(row) === "" || !Number.isNaN(Number(value(row))));
        const order = [...body.rows].sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          if (x === "" || y === "") return (x === "") - (y === "");
          const compared = numeric ? Number(x) - Number(y) : x.localeCompare(y);
          return descending ? -compared : compared;
        });
        body.append(...order);
      });
    });
  }

  // The headings of the single columns, left to right, whether or not a common heading is above.
  function leaves(table) {
    const grid = [];
    [...table.tHead.rows].forEach((row, y) => {
      let x = 0;
      for (const cell of row.cells) {
        while (grid[y]?.[x]) x += 1;
        for (let dy = 0; dy < cell.rowSpan; dy += 1) {
          for (let dx = 0; dx < cell.colSpan; dx += 1) (grid[y + dy] ??= [])[x + dx] = cell;
        }
        x += cell.colSpan;
      }
    });
    return grid.at(-1);
  }

  function filter(input) {
    const target = document.getElementById(input.dataset.filter);
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of target.querySelectorAll("tbody tr")) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
      }
    });
  }

  function furnish(part) {
    part.querySelectorAll(".table table").forEach(sortable);
    part.querySelectorAll("[data-filter]").forEach(filter);
    part.querySelectorAll("[data-signals]").forEach(signals);
  }

  // --- freshness: a static page cannot know how old it is, its reader's clock can -----------------
  function freshness(element) {
    if (!element.dataset.staleAfter || !element.dataset.day) return;
    const days = Math.floor((Date.now() - Date.parse(element.dataset.day)) / 86400000);
    element.append(days <= 0 ? " (today)" : ` (${days} day${days === 1 ? "" : "s"} ago)`);
    if (days < Number(element.dataset.staleAfter)) return;
    const banner = document.querySelector(".banner.stale");
    banner.querySelector("strong").textContent = `${days} days old.`;
    banner.hidden = false;
  }

  addEventListener("DOMContentLoaded", () => {
    document.documentElement.classList.add("scripted");
    document.querySelector("button.theme").addEventListener("click", switchTheme);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    document.querySelectorAll(".freshness").forEach(freshness);
    furnish(document);
    document.querySelectorAll("[data-payload]").forEach(drawAll);
    document.querySelectorAll("form[data-stem]").forEach(choices);
  });

  return { receive };
})();
