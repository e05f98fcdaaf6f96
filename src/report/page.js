// Draws the charts of a run and answers the controls. No text of the user's file is ever parsed as HTML:
// what goes into the page goes in as text, what goes into a chart goes through `plain`.
"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const data = JSON.parse(document.getElementById("run-data").textContent);
  const $ = (id) => document.getElementById(id);

  // ---- the data -------------------------------------------------------------------------------

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const columns = new Map(data.columns.map((column) => {
    if (column.f64 !== undefined) column.numbers = new Float64Array(bytes(column.f64).buffer);
    if (column.u8 !== undefined) column.truths = bytes(column.u8);
    if (column.u16 !== undefined) column.codes = new Uint16Array(bytes(column.u16).buffer);
    column.isNumber = column.numbers !== undefined || "constant" in column;
    delete column.f64; delete column.u8; delete column.u16;
    return [column.name, column];
  }));
  const axes = data.axes;
  // Configurations are the product of the axes, or points of a design, whose values stand in columns.
  const design = data.design;
  const several = (axis) => axis.values === null || axis.values.length > 1;
  const strides = axes.map(() => 1);
  if (!design) for (let i = axes.length - 1; i > 0; i--) strides[i - 1] = strides[i] * axes[i].values.length;
  const swept = axes.map((_, i) => i).filter((i) => several(axes[i]));
  const rowOf = data.configurations === null ? null : new Map(data.configurations.map((c, row) => [c, row]));
  const all_rows = () => (design ? Math.max(...[...columns.values()].map((c) => (c.numbers || c.truths || c.codes || []).length)) : axes.length ? strides[0] * axes[0].values.length : 0);
  const rows = data.configurations === null ? all_rows() : data.configurations.length;
  const row = (configuration) => (rowOf === null ? configuration : rowOf.get(configuration));
  const configurationOf = (r) => (rowOf === null ? r : data.configurations[r]);

  // The number of a column in a row; NaN where there is none.
  const at = (name, r) => {
    const column = columns.get(name);
    if (!column || r === undefined) return NaN;
    const value = column.numbers ? column.numbers[r] : column.constant;
    return value === null || value === undefined ? NaN : value;
  };
  const truth = (name, r) => columns.has(name) && columns.get(name).truths[r] === 1;
  // Where a configuration lies: its positions on the axes, or just itself where it is a point.
  const positions = design ? (configuration) => configuration : (configuration) => axes.map((axis, i) => Math.floor(configuration / strides[i]) % axis.values.length);
  const configuration = design ? (at) => at : (at) => at.reduce((sum, position, i) => sum + position * strides[i], 0);
  // The value of a point on an axis.
  const valueOf = (i, r) => {
    const column = columns.get(axes[i].column);
    if (!column || r === undefined) return null;
    if (column.codes) return column.names[column.codes[r]];
    return at(axes[i].column, r);
  };
  const valueText = (i, place) => {
    if (!design) return axes[i].values[place[i]];
    const value = valueOf(i, row(place));
    return axes[i].range && typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
  };

  // ---- words ----------------------------------------------------------------------------------

  const minus = (text) => text.replace("-", "\u2212");
  // The same rounding as the tables of the page: two decimals, four where the value would read as zero.
  const percent = (x, signed = true) => {
    if (!Number.isFinite(x)) return "n/a";
    const value = 100 * x;
    let text = value.toFixed(2);
    if (Number(text) === 0) {
      if (Math.abs(value) < 5e-5) return "0.00\u00a0%";
      text = value.toFixed(4);
    }
    return minus((signed && value > 0 ? "+" : "") + text) + "\u00a0%";
  };
  const money = (x, signed = false) => {
    const [whole, fraction] = Math.abs(x).toFixed(2).split(".");
    const sign = x < 0 ? "\u2212" : signed && x > 0 ? "+" : "";
    return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + "." + fraction;
  };
  const LIFTS = { decision: "decision", recommended: "recommended", apparent: "apparent", optimism: "optimism" };
  const STATISTICS = {
    mean: "mean", sd: "standard deviation", cvar: `mean of the worst ${Math.round(1e6 * data.tail) / 1e4} %`, var: "value at risk",
    prob_positive: "chance of a gain", prob_target: "chance of the target", worst: "worst replicate", best: "best replicate",
    signal_to_noise: "signal to noise", mean_variance: "mean to variance",
  };
  const OTHERS = {
    moved_share: "budget that moves", plan_lift: "promise on this table", regret_mean: "regret, mean", regret_p95: "regret, 95 % quantile",
    regret_max: "regret, largest", prob_best: "chance of being the best", max_ratio: "largest new over old spend",
    optimism_mean: "optimism, mean", attainable_mean: "what could be had, mean",
    decision_captured: "captured of what could be had (decision)", recommended_captured: "captured of what could be had (recommended)",
  };
  const quantile = (suffix) => {
    const found = /^p(\d+)(?:_(\d+))?$/.exec(suffix);
    return found ? Number(found[1] + "." + (found[2] || "0")) / 100 : null;
  };
  const statistic = (name) => {
    const cut = name.indexOf("_");
    return LIFTS[name.slice(0, cut)] ? [name.slice(0, cut), name.slice(cut + 1)] : [null, name];
  };
  const label = (name) => {
    if (OTHERS[name]) return OTHERS[name];
    const [lift, what] = statistic(name);
    const p = quantile(what);
    const words = p !== null ? `${Number((100 * p).toFixed(6))} % quantile` : STATISTICS[what] || what.replaceAll("_", " ");
    return lift ? `${lift} lift, ${words}` : words;
  };
  const shown = (name, x) => {
    const unit = (columns.get(name) || {}).unit || "";
    if (!Number.isFinite(x)) return "n/a";
    if (unit === "fraction") return percent(x, !name.startsWith("regret"));
    if (name.endsWith("_captured")) return percent(x, false);
    if (unit.startsWith("fraction") || unit === "probability") return percent(x, false);
    return minus(String(Number(x.toPrecision(6))));
  };
  const inWords = (at, wanted) => axes.map((axis, i) => {
    if (!several(axis) || !wanted(axis)) return null;
    const value = valueText(i, at);
    return Number.isNaN(Number(value)) ? value : `${axis.name.replaceAll("_", " ")} ${value}`;
  }).filter((word) => word !== null).join(", ");
  const ruleWords = (c) => inWords(positions(c), (axis) => !axis.world) || "the only rule";
  const worldWords = (c) => inWords(positions(c), (axis) => axis.world);
  const allWords = (c) => [ruleWords(c), worldWords(c)].filter((words) => words).join(" \u2013 ");

  // Plotly reads a few tags in texts: none may come from data.
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  // Long names keep both ends: campaigns often differ at their last part.
  const short = (text, length) => (text.length > length ? text.slice(0, Math.ceil(length / 2)) + "\u2026" + text.slice(1 - Math.floor(length / 2)) : text);
  const wrapped = (text, length) => text.split(" ").reduce((lines, word) => {
    const last = lines[lines.length - 1];
    if (last && (last + " " + word).length <= length) lines[lines.length - 1] = last + " " + word;
    else lines.push(word);
    return lines;
  }, []).map(plain).join("<br>");

  // ---- looks ----------------------------------------------------------------------------------

  let printing = false;
  const PAPER = { card: "#ffffff", ink: "#000000", soft: "#444444", line: "#bbbbbb", grid: "#dddddd", accent: "#0b4f6e" };
  const look = (name) => (printing ? PAPER[name] : getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim());
  const dark = () => !printing && matchMedia("(prefers-color-scheme: dark)").matches;
  // Okabe and Ito's colours, told apart with any kind of colour vision; dashes for print in grey.
  const COLOURS = () => (dark() ? ["#56B4E9", "#E69F00", "#2fc79a", "#e79fc8", "#f0e442", "#ff8a4d"] : ["#0072B2", "#D55E00", "#00795a", "#b0508a", "#9a6a00", "#3a9ad0"]);
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  const LIFT_COLOURS = () => ({ apparent: dark() ? "#E69F00" : "#D55E00", decision: dark() ? "#56B4E9" : "#0072B2", recommended: dark() ? "#2fc79a" : "#00795a" });
  const diverging = () => [[0, "#b35806"], [0.25, "#f1a340"], [0.5, dark() ? "#33404b" : "#f3f3f3"], [0.75, "#67a9cf"], [1, "#2166ac"]];
  const CONFIG = { responsive: true, displaylogo: false, displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

  const narrow = (element) => element.clientWidth < 560;
  const axis = (extra) => ({ gridcolor: look("grid"), linecolor: look("line"), zerolinecolor: look("soft"), zerolinewidth: 2, automargin: true, ...extra });
  const lifts = (title, extra) => axis({ title: { text: title, standoff: 12 }, tickformat: "+.3~%", ...extra });
  const layout = (height, extra) => ({
    height, autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    font: { family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif", size: 13, color: look("ink") },
    hoverlabel: { bgcolor: look("card"), bordercolor: look("soft"), font: { color: look("ink") }, align: "left" },
    margin: { l: 10, r: 14, t: 12, b: 10 }, dragmode: "zoom", modebar: { bgcolor: "rgba(0,0,0,0)", color: look("soft"), activecolor: look("accent") }, ...extra,
  });
  const draw = (id, traces, made) => {
    const element = $(id);
    const config = printing ? { ...CONFIG, staticPlot: true } : CONFIG;
    if (printing) { made.width = 690; made.autosize = false; }
    return Plotly.react(element, traces, made, config);
  };
  const HOVER = "%{text}<extra></extra>";

  // ---- state and controls ---------------------------------------------------------------------

  const headline = data.winners.find((w) => w.titles.includes("best plan") || w.titles.includes("best by every criterion")) || data.winners.find((w) => w.titles.includes("best rule")) || data.winners[0];
  const start = headline ? headline.configuration : configurationOf(0);
  const length = (i) => (axes[i].values === null ? Infinity : axes[i].values.length);
  const byLength = swept.filter((i) => !axes[i].world).sort((a, b) => (length(a) === length(b) ? 0 : length(b) - length(a)));
  const order = [...byLength, ...swept.filter((i) => !byLength.includes(i))];
  const ofAxes = new Set(design ? axes.map((axis) => axis.column) : []);
  const numeric = [...columns.values()].filter((column) => column.isNumber && !ofAxes.has(column.name));
  const METRIC = -1;
  const state = {
    at: positions(start),
    // Points are drawn against one axis at first: then the other axes show as their spread.
    x: order[0], y: design ? METRIC : order[1],
    metric: ["recommended_mean", "decision_mean", "apparent_mean"].find((name) => columns.has(name)) || (numeric[0] || {}).name,
    compared: [],
  };
  for (const winner of data.robust === null ? data.winners : [...data.winners, { configuration: data.robust }]) {
    if (state.compared.length < 4 && !state.compared.includes(winner.configuration)) state.compared.push(winner.configuration);
  }

  // Where nobody has won, the ends and the middle of what there is.
  if (!data.winners.length && state.metric) {
    const known = [...Array(rows).keys()].filter((r) => Number.isFinite(at(state.metric, r))).sort((a, b) => at(state.metric, b) - at(state.metric, a));
    for (const r of known.length ? [known[0], known[known.length >> 1], known[known.length - 1]] : []) {
      const c = configurationOf(r);
      if (!state.compared.includes(c)) state.compared.push(c);
    }
  }

  const option = (select, value, text) => {
    const made = document.createElement("option");
    made.value = value; made.textContent = text;
    select.append(made);
    return made;
  };

  // A selector of an axis' value; all selectors of the same axis move together.
  const selectors = [];
  const axisSelector = (i, parent) => {
    const made = document.createElement("label");
    made.append(axes[i].name.replaceAll("_", " ") + (axes[i].world ? " (world)" : ""));
    const select = document.createElement("select");
    select.dataset.axis = axes[i].name;
    axes[i].values.forEach((value, position) => option(select, position, value));
    select.addEventListener("change", () => { state.at[i] = Number(select.value); refresh(); });
    made.append(select); parent.append(made);
    selectors.push([select, i]);
  };

  const controls = () => {
    for (const i of order) {
      option($("x-axis"), i, axes[i].name.replaceAll("_", " "));
      option($("y-axis"), i, axes[i].name.replaceAll("_", " "));
      if (design) continue;
      axisSelector(i, $("values"));
      if (axes[i].world) axisSelector(i, $("frontier-worlds"));
    }
    if (design) option($("y-axis"), METRIC, "the metric");
    const groups = new Map();
    for (const column of numeric) {
      const [lift] = statistic(column.name);
      const name = lift ? `${lift} lift` : "rules and plans";
      if (!groups.has(name)) {
        const group = document.createElement("optgroup");
        group.label = name;
        groups.set(name, group);
        $("metric").append(group);
      }
      option(groups.get(name), column.name, label(column.name));
    }
    $("metric").value = state.metric;
    $("metric").addEventListener("change", () => { state.metric = $("metric").value; refresh(); });
    // Two charts axes are never the same one: they change places instead.
    const choose = (mine, other) => () => {
      const chosen = Number($(mine + "-axis").value);
      if (chosen === state[other]) {
        const free = state[mine] === METRIC ? order.find((i) => i !== chosen) : state[mine];
        if (free === undefined) { refresh(); return; }
        state[other] = free;
      }
      state[mine] = chosen;
      refresh();
    };
    $("x-axis").addEventListener("change", choose("x", "y"));
    $("y-axis").addEventListener("change", choose("y", "x"));
    $("add").addEventListener("click", () => compare(configuration(state.at)));
    $("to-best").addEventListener("click", () => { const best = bestCell(); if (best !== null) { state.at = positions(best); refresh(); } });
    for (const lift of Object.keys(LIFTS)) if (columns.has(lift + "_mean") || knots(lift, 0).length) option($("shape-lift"), lift, LIFTS[lift]);
    if (columns.has("recommended_mean")) $("shape-lift").value = "recommended";
    $("shape-lift").addEventListener("change", shapes);
    $("shape-kind").addEventListener("change", shapes);
  };

  const compare = (c) => {
    if (row(c) === undefined || state.compared.includes(c)) return;
    if (state.compared.length >= COLOURS().length) state.compared.shift();
    state.compared.push(c);
    shapes();
  };

  // ---- promised and expected ----------------------------------------------------------------------

  const promised = () => {
    if (!data.compares) return;
    const told = data.winners;
    if (!told.length) { $("promised-chart").closest("figure").hidden = true; return; }
    const small = narrow($("promised-chart"));
    const names = ["apparent", "decision", "recommended"].filter((name, k) => told.some((w) => w.lifts[k].mean !== null));
    const height = (i, k) => told.length - i - 0.25 * (k - (names.length - 1) / 2);
    const traces = names.map((name, k) => {
      const of = told.map((winner) => winner.lifts.find((lift) => lift.lift === name));
      return {
        type: "scatter", mode: "markers", name, x: of.map((l) => l.mean), y: told.map((_, i) => height(i, k)),
        marker: { size: 11, color: LIFT_COLOURS()[name], symbol: ["diamond", "circle", "square"][k] },
        error_x: { type: "data", symmetric: false, array: of.map((l) => (l.mean === null ? 0 : l.p95 - l.mean)), arrayminus: of.map((l) => (l.mean === null ? 0 : l.mean - l.p05)), thickness: 3, width: 0, color: LIFT_COLOURS()[name] },
        text: of.map((l, i) => `${plain(name)} lift: <b>${percent(l.mean)}</b><br>5 % to 95 %: ${percent(l.p05)} to ${percent(l.p95)}<br>${wrapped(told[i].rule, 46)}`), hovertemplate: HOVER,
      };
    });
    traces.push({
      type: "scatter", mode: "markers", name: "promise on this table", x: told.map((w) => w.promise), y: told.map((_, i) => height(i, 0) + 0.25),
      marker: { size: 11, symbol: "x-thin", color: look("ink"), line: { width: 2.5, color: look("ink") } },
      text: told.map((w) => `on this table: <b>${percent(w.promise)}</b>`), hovertemplate: HOVER,
    });
    draw("promised-chart", traces, layout((small ? 150 : 120) + 92 * told.length, {
      legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, traceorder: "normal" }, margin: { l: 10, r: 14, t: small ? 92 : 34, b: 10 },
      xaxis: lifts("lift over today\u2019s mix", { zeroline: true }),
      yaxis: axis({ tickvals: told.map((_, i) => told.length - i), ticktext: told.map((w) => wrapped(w.titles.join(", "), small ? 12 : 26)), range: [0.35, told.length + 0.65], zeroline: false, showgrid: false, fixedrange: true }),
    }));
  };

  // ---- heat map -------------------------------------------------------------------------------

  const cells = () => {
    const { x, y } = state;
    const one = (i) => (i === undefined ? [0] : axes[i].values.map((_, position) => position));
    const at = [...state.at];
    return one(y).map((down) => one(x).map((across) => {
      if (x !== undefined) at[x] = across;
      if (y !== undefined) at[y] = down;
      return configuration(at);
    }));
  };
  const smaller = (name) => name.startsWith("regret") || name.startsWith("optimism") || name.endsWith("_sd") || name === "max_ratio" || name === "moved_share";
  const everyRow = () => Array.from({ length: rows }, (_, r) => r);
  // Others have beaten them, in fewer replicates than the rest has: their numbers do not compare.
  const flagsColumn = columns.get("flags");
  const dropped = (r) => flagsColumn !== undefined && r !== undefined && flagsColumn.codes[r] !== 65535 && flagsColumn.names[flagsColumn.codes[r]].split(";").includes("W_DROPPED_EARLY");
  const bestCell = () => {
    let best = null, score = -Infinity;
    for (const c of design ? everyRow().map(configurationOf) : cells().flat()) {
      if (dropped(row(c))) continue;
      const value = at(state.metric, row(c)) * (smaller(state.metric) ? -1 : 1);
      if (value > score) { score = value; best = c; }
    }
    return best;
  };

  // Points of a design, over two axes or against one.
  const scatter = () => {
    const element = $("heat-chart"), small = narrow(element);
    const metric = (r) => at(state.metric, r);
    const shownRows = everyRow().filter((r) => Number.isFinite(metric(r)));
    const over = state.y !== METRIC;
    const unit = (columns.get(state.metric) || {}).unit || "";
    const asPercent = unit.startsWith("fraction") || unit === "probability";
    const tickformat = asPercent ? (unit === "fraction" ? "+.3~%" : ".3~%") : ".3~g";
    const name = label(state.metric);
    const x = (r) => plainValue(valueOf(state.x, r)), y = (r) => (over ? plainValue(valueOf(state.y, r)) : metric(r));
    let low = Infinity, high = -Infinity;
    for (const r of shownRows) { low = Math.min(low, metric(r)); high = Math.max(high, metric(r)); }
    const both = low < 0 && high > 0;
    const size = shownRows.length > 4000 ? 4 : shownRows.length > 600 ? 6 : 9;
    const text = shownRows.map((r) => `${plain(name)}: <b>${shown(state.metric, metric(r))}</b><br>${wrapped(allWords(configurationOf(r)), 46)}`);
    const colour = over ? {
      color: shownRows.map(metric), colorscale: both ? diverging() : "Viridis", ...(both ? { cmid: 0 } : {}), line: { width: 0.5, color: look("soft") },
      colorbar: { tickformat, thickness: 14, outlinewidth: 0, ...(small ? { orientation: "h", y: -0.32, yanchor: "top", len: 1 } : {}) },
    } : { color: LIFT_COLOURS().decision, opacity: 0.55 };
    const traces = [{ type: "scatter", mode: "markers", x: shownRows.map(x), y: shownRows.map(y), text, customdata: shownRows.map(configurationOf), hovertemplate: HOVER, marker: { size, ...colour } }];
    const here = row(state.at);
    if (here !== undefined) traces.push({ type: "scatter", mode: "markers", x: [x(here)], y: [y(here)], hoverinfo: "skip", marker: { size: 18, symbol: "square-open", color: look("ink"), line: { width: 2.5 } } });
    const named = (i) => ({ title: { text: axes[i].name.replaceAll("_", " "), standoff: 8 }, zeroline: false, ...(axes[i].range ? {} : { type: "category" }) });
    draw("heat-chart", traces, layout(small ? 380 : 470, {
      showlegend: false, xaxis: axis(named(state.x)), yaxis: axis(over ? named(state.y) : { title: { text: name, standoff: 8 }, tickformat, zeroline: both }),
    })).then((plot) => {
      plot.removeAllListeners("plotly_click");
      plot.on("plotly_click", (event) => {
        const point = event.points.find((p) => p.customdata !== undefined);
        if (point) { state.at = positions(point.customdata); refresh(); }
      });
    });
  };
  const plainValue = (value) => (typeof value === "number" ? value : plain(value));

  const heat = () => {
    if (design) { scatter(); return; }
    if (state.x === undefined) { $("explore").hidden = true; return; }
    const element = $("heat-chart"), small = narrow(element);
    const grid = cells();
    const z = grid.map((line) => line.map((c) => { const v = at(state.metric, row(c)); return Number.isFinite(v) ? v : null; }));
    const across = axes[state.x].values, down = state.y === undefined ? [""] : axes[state.y].values;
    const values = z.flat().filter((v) => v !== null);
    let low = Infinity, high = -Infinity;
    for (const v of values) { low = Math.min(low, v); high = Math.max(high, v); }
    const unit = (columns.get(state.metric) || {}).unit || "";
    const asPercent = unit.startsWith("fraction") || unit === "probability";
    const both = low < 0 && high > 0;
    const written = across.length * (small ? 52 : 66) <= element.clientWidth && down.length <= 22;
    const name = label(state.metric);
    const text = grid.map((line) => line.map((c) => (row(c) === undefined ? "not in this page" : `${plain(name)}: <b>${shown(state.metric, at(state.metric, row(c)))}</b><br>${wrapped(allWords(c), 46)}`)));
    const traces = [{
      type: "heatmap", x: across.map(plain), y: down.map(plain), z, text, customdata: grid, hovertemplate: HOVER, xgap: across.length > 60 ? 0 : 2, ygap: down.length > 60 ? 0 : 2,
      colorscale: both ? diverging() : "Viridis", ...(both ? { zmid: 0 } : {}), hoverongaps: false,
      colorbar: { tickformat: asPercent ? (unit === "fraction" ? "+.3~%" : ".3~%") : ".3~g", thickness: 14, outlinewidth: 0, ...(small ? { orientation: "h", y: -0.32, yanchor: "top", len: 1 } : {}) },
    }];
    const annotations = [];
    if (written) {
      const weight = (v) => (both ? Math.abs(v) / Math.max(-low, high) : (v - low) / (high - low || 1));
      z.forEach((line, j) => line.forEach((v, i) => {
        if (v === null) return;
        const light = both ? (dark() ? weight(v) > 0.35 && weight(v) < 0.85 : weight(v) < 0.75) : weight(v) > 0.6;
        annotations.push({ x: i, y: j, text: shown(state.metric, v).replace("\u00a0%", ""), showarrow: false, font: { size: small ? 11 : 12, color: light ? "#10202c" : "#ffffff" } });
      }));
    }
    const marks = { type: "scatter", mode: "markers", hoverinfo: "skip", showlegend: false, cliponaxis: false };
    const best = bestCell();
    if (!written && best !== null && low < high) {
      const p = positions(best);
      traces.push({ ...marks, x: [plain(across[p[state.x]])], y: [plain(down[state.y === undefined ? 0 : p[state.y]])], marker: { symbol: "star", size: 15, color: "#ffffff", line: { color: "#000000", width: 1.5 } } });
    }
    const here = [state.at[state.x], state.y === undefined ? 0 : state.at[state.y]];
    const frame = (colour, width) => ({ type: "rect", x0: here[0] - 0.5, x1: here[0] + 0.5, y0: here[1] - 0.5, y1: here[1] + 0.5, line: { color: colour, width } });
    const title = (i) => ({ text: i === undefined ? "" : axes[i].name.replaceAll("_", " "), standoff: 8 });
    draw("heat-chart", traces, layout(Math.min(640, Math.max(small ? 330 : 470, 130 + 34 * down.length)), {
      annotations, shapes: [frame("#ffffff", 6), frame("#000000", 3)], showlegend: false,
      xaxis: axis({ type: "category", title: title(state.x), showgrid: false, zeroline: false }),
      yaxis: axis({ type: "category", title: title(state.y), showgrid: false, zeroline: false }),
    })).then((plot) => {
      plot.removeAllListeners("plotly_click");
      plot.on("plotly_click", (event) => {
        const point = event.points.find((p) => p.customdata !== undefined);
        if (point) { state.at = positions(point.customdata); refresh(); }
      });
    });
  };

  // What is known of the chosen rule, as text.
  const chosen = () => {
    const c = configuration(state.at), r = row(c);
    $("chosen-words").textContent = allWords(c) + ` (configuration ${c})`;
    const body = $("chosen-numbers").tBodies[0];
    body.replaceChildren();
    const line = (name, text, exact) => {
      const tr = body.insertRow(), th = document.createElement("th"), td = document.createElement("td");
      th.scope = "row"; th.textContent = label(name); td.textContent = text; td.dataset.column = name; td.title = exact;
      const meaning = (columns.get(name) || {}).meaning;
      if (meaning) th.title = meaning;
      tr.append(th, td);
    };
    const wanted = ["apparent_mean", "decision_mean", "recommended_mean", "recommended_p05", "recommended_p95", "decision_p05", "decision_p95", "recommended_prob_positive", "decision_prob_positive", "decision_cvar", "attainable_mean", "decision_captured", "recommended_captured", "regret_mean", "prob_best", "plan_lift", "moved_share", "max_ratio"];
    if (!wanted.includes(state.metric)) wanted.unshift(state.metric);
    for (const name of wanted) {
      if (!columns.has(name)) continue;
      const value = at(name, r);
      // Where rules are not compared, nothing says how they compare.
      if (!data.compares && r !== undefined && !Number.isFinite(value)) continue;
      line(name, r === undefined ? "not in this page" : shown(name, value), Number.isFinite(value) ? String(value) : "");
    }
    const flags = columns.get("flags");
    const raised = flags && r !== undefined && flags.codes[r] !== 65535 ? flags.names[flags.codes[r]].split(";") : [];
    $("chosen-flags").replaceChildren(...raised.flatMap((flag) => { const code = document.createElement("code"); code.textContent = flag; return [code, " "]; }));
    $("add").disabled = r === undefined;
  };

  // ---- distributions --------------------------------------------------------------------------

  // Quantiles of a lift in a row: pairs of value and probability, ascending.
  const knots = (lift, r) => {
    const found = [];
    for (const name of columns.keys()) {
      if (!name.startsWith(lift + "_")) continue;
      const what = name.slice(lift.length + 1);
      const p = what === "worst" ? 0 : what === "best" ? 1 : quantile(what);
      const value = at(name, r);
      if (p !== null && Number.isFinite(value)) found.push([value, p]);
    }
    return found.sort((a, b) => a[1] - b[1]);
  };
  // The density: slope of a monotone cubic (Fritsch and Carlson) through the quantiles.
  const density = (points) => {
    const x = points.map((p) => p[0]), f = points.map((p) => p[1]), n = x.length;
    const d = x.slice(1).map((v, i) => (f[i + 1] - f[i]) / (v - x[i]));
    const m = x.map((_, i) => (i === 0 || i === n - 1 ? 0 : 2 / (1 / d[i - 1] + 1 / d[i])));
    const out = { x: [], y: [] };
    for (let i = 0; i + 1 < n; i++) {
      for (let s = 0; s <= 16; s++) {
        const t = s / 16;
        out.x.push(x[i] + t * (x[i + 1] - x[i]));
        out.y.push(Math.max(0, 6 * t * (1 - t) * d[i] + (1 - t) * (1 - 3 * t) * m[i] + t * (3 * t - 2) * m[i + 1]));
      }
    }
    return out;
  };

  const shapes = () => {
    const lift = $("shape-lift").value, kind = $("shape-kind").value;
    const chips = state.compared.map((c, k) => {
      const li = document.createElement("li"), mark = document.createElement("i"), words = document.createElement("span"), remove = document.createElement("button");
      mark.style.background = COLOURS()[k];
      const named = data.winners.find((winner) => winner.configuration === c);
      words.textContent = (named ? named.titles.join(", ") + ": " : "") + allWords(c);
      remove.type = "button"; remove.textContent = "\u00d7"; remove.setAttribute("aria-label", "Remove " + words.textContent);
      remove.addEventListener("click", () => { state.compared = state.compared.filter((other) => other !== c); shapes(); });
      li.append(mark, words, remove);
      return li;
    });
    $("compared").replaceChildren(...chips);
    const traces = [];
    let few = true;
    state.compared.forEach((c, k) => {
      const r = row(c), points = knots(lift, r), colour = COLOURS()[k];
      if (!points.length) return;
      few = few && points.length < 3;
      const line = { color: colour, width: 2.5, dash: DASHES[k] };
      const name = plain(short(allWords(c), 60)), about = wrapped(allWords(c), 46);
      const distinct = points.filter((p, i) => i === 0 || p[0] > points[i - 1][0] + 1e-12);
      const mean = at(lift + "_mean", r);
      const common = { type: "scatter", mode: "lines", name, line, hovertemplate: HOVER, showlegend: false };
      if (kind === "chance") {
        traces.push({ ...common, mode: "lines+markers", marker: { size: 6, color: colour }, x: points.map((p) => p[0]), y: points.map((p) => 1 - p[1]), text: points.map((p) => `<b>${percent(1 - p[1], false)}</b> of replicates: at least <b>${percent(p[0])}</b><br>${about}`) });
      } else if (distinct.length < 3) {
        traces.push({ ...common, x: [points[0][0], points[0][0]], y: [0, 1], text: [0, 1].map(() => `always ${percent(points[0][0])}<br>${about}`) });
      } else {
        const curve = density(distinct), top = Math.max(...curve.y);
        traces.push({ ...common, x: curve.x, y: curve.y.map((v) => v / top), fill: "tozeroy", fillcolor: colour + "26", text: curve.x.map(() => `mean ${percent(mean)}<br>5 % to 95 %: ${percent(at(lift + "_p05", r))} to ${percent(at(lift + "_p95", r))}<br>${about}`) });
      }
    });
    const zero = { type: "line", x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, line: { color: look("ink"), width: 1.5 } };
    draw("shape-chart", traces, layout(380, {
      shapes: [zero], annotations: [{ x: 0, y: 1, yref: "paper", xanchor: "left", yanchor: "bottom", text: "no lift", showarrow: false, font: { size: 12, color: look("soft") } }], margin: { l: 10, r: 14, t: 24, b: 10 },
      xaxis: lifts(`${lift} lift`, { zeroline: false }),
      yaxis: kind === "chance" ? axis({ title: { text: "chance of at least this lift", standoff: 8 }, tickformat: ".0%", range: [-0.02, 1.02], zeroline: false }) : axis({ title: { text: "how likely (each to its own top)", standoff: 8 }, showticklabels: false, rangemode: "tozero", zeroline: false }),
    }));
  };

  // ---- mean against risk ----------------------------------------------------------------------

  const frontier = () => {
    if (!data.compares) return;
    if (!columns.has("decision_cvar") || !columns.has("decision_mean")) { $("frontier").hidden = true; return; }
    const inWorld = swept.filter((i) => axes[i].world);
    const here = row(configuration(state.at));
    const same = (i, r) => (design ? valueOf(i, r) === valueOf(i, here) : Math.floor(configurationOf(r) / strides[i]) % axes[i].values.length === state.at[i]);
    const found = [];
    for (let r = 0; r < rows; r++) {
      if (inWorld.every((i) => same(i, r))) found.push(r);
    }
    const x = (r) => at("decision_cvar", r), y = (r) => at("decision_mean", r);
    let box = [Infinity, -Infinity, Infinity, -Infinity];
    for (const r of found) box = [Math.min(box[0], x(r)), Math.max(box[1], x(r)), Math.min(box[2], y(r)), Math.max(box[3], y(r))];
    // Of rules that would lie on the same spot one is drawn: the page stays quick with any number.
    const spots = new Map();
    const [across, down] = found.length > 2500 ? [90, 60] : [900, 600];
    for (const r of found) {
      const spot = Math.round(across * (x(r) - box[0]) / (box[1] - box[0] || 1)) * 4096 + Math.round(down * (y(r) - box[2]) / (box[3] - box[2] || 1));
      if (!spots.has(spot)) spots.set(spot, r);
    }
    const about = (r) => `mean <b>${percent(y(r))}</b>, CVaR <b>${percent(x(r))}</b><br>${wrapped(ruleWords(configurationOf(r)), 46)}`;
    const points = (name, list, extra) => ({ type: "scatter", mode: "markers", name, x: list.map(x), y: list.map(y), text: list.map(about), customdata: list.map(configurationOf), hovertemplate: HOVER, ...extra });
    const drawn = [...spots.values()];
    const front = found.filter((r) => truth("pareto", r)).sort((a, b) => x(a) - x(b) || y(b) - y(a));
    const colours = LIFT_COLOURS();
    const traces = [
      points("rules", drawn, { marker: { size: found.length > 2500 ? 5 : 7, color: colours.decision, opacity: 0.45 } }),
      points("Pareto front", front, { mode: "lines+markers", line: { color: colours.apparent, width: 2 }, marker: { size: 9, color: colours.apparent, symbol: "diamond" } }),
    ];
    for (const winner of data.winners) {
      const r = row(winner.configuration);
      if (r !== undefined && found.includes(r)) traces.push(points(plain(winner.titles.join(", ")), [r], { marker: { size: 15, symbol: "star", color: look("card"), line: { width: 2, color: look("ink") } }, showlegend: false }));
    }
    if (here !== undefined && found.includes(here)) traces.push(points("chosen rule", [here], { hoverinfo: "skip", hovertemplate: null, marker: { size: 19, symbol: "square-open", color: look("ink"), line: { width: 2.5 } } }));
    draw("frontier-chart", traces, layout(460, {
      legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0 }, margin: { l: 10, r: 14, t: 34, b: 10 },
      xaxis: lifts(narrow($("frontier-chart")) ? "CVaR of decision lift" : `CVaR: ${STATISTICS.cvar} of replicates`), yaxis: lifts("mean decision lift"),
    })).then((plot) => {
      plot.removeAllListeners("plotly_click");
      plot.on("plotly_click", (event) => { state.at = positions(event.points[0].customdata); refresh(); });
    });
    $("frontier-note").textContent = `${found.length.toLocaleString("en")} rules, ${front.length.toLocaleString("en")} on the front; stars are the winners.` + (drawn.length < found.length ? " Of rules that lie on the same spot one is drawn." : "");
  };

  // ---- sensitivity ----------------------------------------------------------------------------

  const explained = data.sensitivity && data.sensitivity.length ? data.sensitivity : null;
  const sensitivityControls = () => {
    const seen = new Set();
    for (const effect of explained) {
      const key = effect.lift + "_" + effect.metric;
      if (!seen.has(key)) { seen.add(key); option($("sensitivity-metric"), key, label(key)); }
    }
    const first = ["recommended_mean", "decision_mean"].find((key) => seen.has(key));
    if (first) $("sensitivity-metric").value = first;
    $("sensitivity-metric").addEventListener("change", sensitivity);
  };
  const sensitivity = () => {
    const key = $("sensitivity-metric").value;
    const of = (orders) => explained.filter((e) => e.lift + "_" + e.metric === key && orders.includes(e.order));
    const index = (e) => (e && e.index !== null ? e.index : e && e.index_raw !== null ? e.index_raw : 0);
    const total = of(["total"]).sort((a, b) => index(a) - index(b));
    const firsts = new Map(of(["first"]).map((e) => [e.axis, e]));
    const names = total.map((e) => plain(e.axis.replaceAll("_", " ")));
    const whiskers = (list) => (list.some((e) => e.low !== null) ? { error_x: { type: "data", symmetric: false, array: list.map((e) => Math.max(0, e.high - index(e))), arrayminus: list.map((e) => Math.max(0, index(e) - e.low)), thickness: 1.5, width: 4, color: look("ink") }, insidetextanchor: "start" } : {});
    const bar = (name, list, colour) => ({ type: "bar", orientation: "h", name, y: names, x: list.map(index), ...whiskers(list), marker: { color: colour }, text: list.map((e) => percent(index(e), false)), textposition: "auto", hovertemplate: "%{y}: <b>%{text}</b><extra>" + name + "</extra>", constraintext: "none" });
    draw("sensitivity-chart", [bar("with all it takes part in (total)", total, dark() ? "#3d6f8e" : "#a9cfe4"), bar("by itself (first order)", total.map((e) => firsts.get(e.axis)), dark() ? "#56B4E9" : "#0072B2")], layout(110 + 62 * names.length, {
      barmode: "group", bargap: 0.3, legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, traceorder: "reversed" }, margin: { l: 10, r: 14, t: 50, b: 10 },
      xaxis: axis({ tickformat: ".0%", title: { text: "part of the variation", standoff: 10 }, rangemode: "tozero" }), yaxis: axis({ fixedrange: true }),
    }));
  };

  // ---- the plan -------------------------------------------------------------------------------

  const planChart = () => {
    const plan = data.plans[Number($("plan-choice").value) || 0];
    const [now, next, change] = plan.numbers;
    const most = plan.channels.map((_, i) => i).sort((a, b) => Math.abs(change[b]) - Math.abs(change[a])).slice(0, 24).sort((a, b) => next[a] - next[b]);
    const small = narrow($("plan-chart"));
    const names = most.map((i) => plain(short(plan.channels[i], small ? 16 : 34)) + "\u200b".repeat(i % 7));
    const bar = (name, list, colour) => ({ type: "bar", orientation: "h", name, y: most.map((_, k) => k), x: most.map((i) => list[i]), marker: { color: colour }, text: most.map((i) => `${wrapped(plan.channels[i], 50)}<br>today ${money(now[i])}, plan <b>${money(next[i])}</b> (${money(change[i], true)})`), textposition: "none", hovertemplate: HOVER });
    draw("plan-chart", [bar("plan", next, dark() ? "#2fc79a" : "#00795a"), bar("today", now, dark() ? "#8797a5" : "#a3afb9")], layout(100 + 34 * most.length, {
      barmode: "group", bargap: 0.28, legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, traceorder: "reversed" }, margin: { l: 10, r: 14, t: 34, b: 10 },
      xaxis: axis({ title: { text: "money", standoff: 10 }, tickformat: ",~s", rangemode: "tozero" }), yaxis: axis({ tickvals: most.map((_, k) => k), ticktext: names, fixedrange: true, showgrid: false, zeroline: false }),
    }));
  };
  const planTable = () => {
    const plan = data.plans[Number($("plan-choice").value) || 0];
    const lines = plan.channels.map((name, i) => {
      const [now, next, change, shareNow, shareNew, low, high] = plan.numbers.map((list) => list[i]);
      const tr = document.createElement("tr"), th = document.createElement("th");
      th.scope = "row"; th.textContent = name; tr.append(th);
      for (const text of [money(now), money(next), money(change, true), percent(shareNow, false), percent(shareNew, false), percent(low, false), percent(high, false)]) {
        const td = document.createElement("td");
        td.className = "n"; td.textContent = text; tr.append(td);
      }
      return tr;
    });
    $("plan-table").tBodies[0].replaceChildren(...lines);
  };

  // ---- together -------------------------------------------------------------------------------

  // What depends on the chosen rule.
  const refresh = () => {
    for (const [select, i] of selectors) select.value = state.at[i];
    if (state.x !== undefined) $("x-axis").value = state.x;
    if (state.y !== undefined && (order.length > 1 || !design)) $("y-axis").value = state.y; else $("y-axis").closest("label").hidden = true;
    $("metric-meaning").textContent = (columns.get(state.metric) || {}).meaning || "";
    heat(); chosen(); frontier();
  };
  const hasPlans = data.plans && data.plans.length;
  const all = () => { promised(); refresh(); shapes(); if (explained) sensitivity(); if (hasPlans) planChart(); };

  controls();
  if (explained) sensitivityControls();
  if (hasPlans) $("plan-choice").addEventListener("change", () => { planChart(); planTable(); });
  all();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  let width = innerWidth, waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(all, 150);
  });
  addEventListener("beforeprint", () => { printing = true; all(); });
  addEventListener("afterprint", () => { printing = false; all(); });
})();
