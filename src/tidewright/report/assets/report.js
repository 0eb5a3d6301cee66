"use strict";
(() => {
  const MINUS = "\u2212";
  const signed = (text, value, plus) => (/[1-9]/.test(text) ? (value < 0 ? MINUS : plus ? "+" : "") + text : text);
  const fixed = (value, digits) =>
    Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const number = (value, digits = 2, plus = false) =>
    value === null || value === undefined || !Number.isFinite(+value) ? "\u2013" : signed(fixed(value, digits), value, plus);
  const percent = (value, plus = false) => {
    if (value === null || value === undefined || !Number.isFinite(+value)) return "\u2013";
    const size = Math.abs(value);
    return signed(fixed(size * 100, size >= 10 ? 0 : size >= 0.01 || size === 0 ? 1 : 2) + "%", value, plus);
  };
  const price = (value) => {
    const size = Math.abs(value);
    return number(value, size >= 10 || size === 0 ? 2 : Math.min(12, 3 - Math.floor(Math.log10(size))));
  };
  const compact = (value) => {
    const [unit, letter] = [[1e9, "B"], [1e6, "M"], [1e3, "k"]].find(([limit]) => Math.abs(value) >= limit) || [1, ""];
    return signed(String(+Math.abs(value / unit).toPrecision(4)) + letter, value);
  };
  const moment = (time) => new Date(time).toISOString().slice(0, 16).replace("T", " ");
  const text = (value) => echarts.format.encodeHTML(String(value));
  const words = (name) => text(name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().replace(/^(roi$|.)/, (s) => s.toUpperCase()));
  const rows = (title, entries) =>
    `<b>${text(title)}</b><table class="tip">` + entries.map(([name, value]) => `<tr><td>${name}<td>${value}`).join("") + "</table>";

  // What a formatter named "@name" in an option stands for.
  const formatters = {
    number: (value) => number(value),
    money: (value) => number(value),
    price,
    compact,
    percent: (value) => percent(value),
    share: (value) => signed(String(+Math.abs(value * 100).toPrecision(4)) + "%", value),
    entry: ({ seriesName, value: [time, at, quantity] }) =>
      rows(seriesName, [["Time (UTC)", moment(time)], ["Price", price(at)], ["Quantity", +quantity.toPrecision(6)]]),
    exit: ({ value: [time, at, gain, pnl, held, reason] }) =>
      rows("Exit: " + words(reason), [
        ["Time (UTC)", moment(time)], ["Price", price(at)], ["Net result", percent(gain, true)],
        ["Profit or loss", number(pnl, 2, true)], ["Bars held", held],
      ]),
    bin: ({ value: [centre, count, width] }) =>
      `${percent(centre - width / 2, true)} to ${percent(centre + width / 2, true)}: <b>${count}</b> ${count === 1 ? "trade" : "trades"}`,
    excursion: ({ seriesName, value: [adverse, favourable] }) =>
      rows(seriesName, [["Worst", percent(adverse, true)], ["Best", percent(favourable, true)]]),
    halves: ({ value: [centre, count, width] }) =>
      `${number(centre - width / 2)} to ${number(centre + width / 2)}: <b>${count.toLocaleString("en-US")}</b> pairs of halves`,
  };

  // And one that is a list of "@name" and what it needs to know.
  const formattersOf = {
    label: (names) => (place) => names[place] ?? "",
    trial: (axes) => ({ value: [x, y, at, settings] }) =>
      rows(`Trial ${at.toLocaleString("en-US")}`, [
        ...axes.flatMap((axis, i) => (axis ? [[text(axis[0]), formatters[axis[1]]([x, y][i])]] : [])),
        ...settings.split("\n").map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)].map(text)),
      ]),
  };

  const revive = (node) => {
    for (const [key, value] of Object.entries(node)) {
      if (/^(formatter|valueFormatter)$/.test(key) && typeof value === "string" && value.startsWith("@")) {
        node[key] = formatters[value.slice(1)];
      } else if (key === "formatter" && Array.isArray(value)) {
        node[key] = formattersOf[value[0].slice(1)](value[1]);
      } else if (value && typeof value === "object") {
        revive(value);
      }
    }
    return node;
  };

  // The axis of a logarithmic chart marks 1, 2 and 5 times the powers of ten: ECharts itself marks powers only.
  const ticks = Array.from({ length: 72 }, (_, i) => [1, 2, 5][i % 3] * 10 ** (Math.floor(i / 3) - 10));
  const logarithmic = (axis) => ({
    ...axis, type: "log", min: "dataMin", max: "dataMax", axisLabel: { ...axis.axisLabel, customValues: ticks }, axisTick: { ...axis.axisTick, customValues: ticks },
  });

  // One tooltip for all panels of a chart, in the order in which they stand; an axis' name is the heading of its lines.
  const panelRows = (option) => (params) => {
    const lines = option.yAxis.flatMap(({ name }, panel) => {
      const points = params.filter(({ seriesIndex }) => (option.series[seriesIndex].yAxisIndex || 0) === panel);
      const entries = points.map(({ seriesIndex, seriesName, marker, value, encode }) => [
        marker + text(seriesName), option.series[seriesIndex].tooltip.valueFormatter(value[encode.y[0]]),
      ]);
      return name && points.length ? [[text(name), ""], ...entries] : entries;
    });
    const [{ type, name }] = option.xAxis;
    return rows(type === "time" ? moment(params[0].axisValue) : `${name}: ${params[0].axisValue}`, lines);
  };

  const prepared = (option) => {
    revive(option);
    if (option.tooltip.trigger === "axis") option.tooltip.formatter = panelRows(option);
    return option;
  };

  const draw = (box, option) => {
    const chart = echarts.init(box, null, { renderer: "svg" });
    chart.setOption(prepared(option));
    return chart;
  };

  // The buttons that set a figure's scale, and the list from which another option of `options` is chosen for it.
  const controls = (figure, chart, options) => {
    const buttons = figure.querySelectorAll("button[data-scale]");
    const select = figure.querySelector("select");
    let option = options[figure.dataset.chart];
    let scale = "linear";
    const choose = (wanted) => {
      const [first, ...others] = option.yAxis;
      scale = wanted;
      chart.setOption({ yAxis: [scale === "log" ? logarithmic(first) : first, ...others] });
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.scale === scale)));
    };
    buttons.forEach((button) => button.addEventListener("click", () => choose(button.dataset.scale)));
    if (select) {
      select.addEventListener("change", () => {
        option = prepared(options[select.value]);
        chart.setOption(option, true);
        if (scale === "log") choose(scale);
      });
    }
    if (figure.dataset.scale === "log") choose("log");
  };

  const start = () => {
    const options = JSON.parse(document.getElementById("charts").textContent);
    const charts = [];
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      const box = figure.querySelector(".chart");
      const option = options[figure.dataset.chart];
      const chart = draw(box, option);
      controls(figure, chart, options);
      charts.push([chart, box]);
      new ResizeObserver(() => chart.resize()).observe(box);
    }
    // Paper is narrower than most screens, and nothing is laid out again while printing.
    const layOut = (onPaper) =>
      charts.forEach(([chart, box]) => {
        const zooms = chart.getOption().dataZoom;
        chart.setOption({ dataZoom: zooms.map(({ type }) => (type === "slider" ? { show: !onPaper } : {})) });
        box.classList.toggle("without-slider", onPaper && zooms.some(({ type }) => type === "slider"));
        chart.resize({ width: onPaper ? +box.dataset.paper : "auto" });
        chart.getZr().flush();
      });
    window.addEventListener("beforeprint", () => layOut(true));
    window.addEventListener("afterprint", () => layOut(false));
  };

  const copyButtons = () => {
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.hidden = !navigator.clipboard;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
        button.textContent = "Copied";
      });
    }
  };

  window.tidewright = { draw };
  if (document.getElementById("charts")) {
    start();
    copyButtons();
  }
})();
