// Draws the pictures of a question: images with outlines as SVG, the regions of answers in colours.
// Cells are rows of the data: label, track, path, whether it is in this slice, place.
"use strict";
const drawn = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MOST_COLOURS = 9;

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") node.textContent = value;
      else if (value !== false && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  function shape(tag, attributes) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }

  const colourOf = (number) => `--a${(number - 1) % MOST_COLOURS + 1}`;

  const numbersOf = (place) => (place ? place.split(" ").map(Number) : []);

  // The regions that a correction names.
  function endsOf(row) {
    return ["", "2", "3"].filter((n) => row[`label${n}`] || row[`place${n}`]).map((n) => ({
      t: n ? row.t2 : row.t, label: row[`label${n}`] ?? 0, place: numbersOf(row[`place${n}`]),
    }));
  }

  // What the regions of a question are: `roles` by "frame:label", the numbers of their answers, 0 is
  // the region in question; `places`: those without an outline, with their numbers; `times`: all
  // frames that have one.
  function rolesOf(question) {
    const roles = new Map(), places = new Map(), times = new Set();
    const outlined = new Set(question.frames.flatMap((frame) =>
      frame.views.flatMap((view) => view.cells.map(([label]) => `${frame.t}:${label}`))));
    const add = (end, number) => {
      const key = `${end.t}:${end.label || end.place}`;
      times.add(end.t);
      const numbers = roles.get(key) ?? places.get(key)?.numbers;
      if (!numbers) {
        if (outlined.has(key)) roles.set(key, [number]);
        else if (end.place.length) places.set(key, { ...end, numbers: [number] });
      } else if (!numbers.includes(number) && numbers[0] !== 0) {
        numbers.push(number);
      }
    };
    add(question, 0);
    question.answers.forEach((answer, n) =>
      answer.corrections.flatMap(endsOf).forEach((end) => add(end, n + 1)));
    return { roles, places: [...places.values()], times };
  }

  // The frame of an answer, other than that in question; undefined if there is none.
  function frameOf(question, number) {
    const ends = question.answers[number - 1]?.corrections.flatMap(endsOf) ?? [];
    return ends.map((end) => end.t).find((t) => t !== question.t && question.frames.some((frame) => frame.t === t));
  }

  // In frames around, cells of the tracks of coloured regions have their colours.
  function tracksOf(question, roles) {
    const tracks = new Map();
    for (const frame of question.frames) {
      for (const [label, track] of frame.views.flatMap((view) => view.cells)) {
        const numbers = roles.get(`${frame.t}:${label}`);
        if (numbers && track && !tracks.has(track)) tracks.set(track, numbers);
      }
    }
    return tracks;
  }

  function styleOf(numbers) {
    return `--role: var(${numbers[0] ? colourOf(numbers[0]) : "--about"})`;
  }

  // One picture. `mark` has: roles, places, times, tracks, lit (number), taken (labels), names (whether
  // all labels are written), pick (called with a label; null: nothing can be picked).
  function picture(question, frame, view, units, mark) {
    const around = !mark.times.has(frame.t);
    const svg = shape("svg", { viewBox: `0 0 ${units} ${units}`, "aria-hidden": "true" });
    const texts = [], paths = [];
    for (const [label, track, path, inside] of [...view.cells].reverse()) {
      const own = mark.roles.get(`${frame.t}:${label}`);
      const numbers = own ?? (around ? mark.tracks.get(track) : undefined);
      const line = shape("path", { d: path, "data-label": label, class: numbers ? "role" : "cell" });
      paths.push(shape("path", { d: path, class: numbers ? "halo" : "halo faint" }));
      if (numbers) {
        line.setAttribute("style", styleOf(numbers));
        if (!numbers[0]) line.classList.add("about");
      }
      if (!inside) line.classList.add("away");
      if (numbers?.includes(mark.lit)) line.classList.add("lit");
      if (mark.taken.includes(label)) line.classList.add("taken");
      if (mark.pick) {
        line.classList.add("can");
        line.addEventListener("click", () => mark.pick(label));
        const title = shape("title", {});
        title.textContent = `region ${label}${track ? `, track ${track}` : ""}`;
        line.append(title);
      }
      paths.push(line);
      if (own?.[0] && !mark.names) texts.push({ line, text: own.join(" · "), style: styleOf(own) });
      else if (mark.names) texts.push({ line, text: String(label), style: own?.[0] ? styleOf(own) : "" });
    }
    // Named regions come first in the data, and are drawn on top.
    svg.append(...paths);
    for (const place of mark.places.filter((each) => each.t === frame.t)) {
      const line = cross(place, question, units);
      svg.append(line);
      if (place.numbers[0]) texts.push({ line, text: place.numbers.join(" · "), style: styleOf(place.numbers) });
    }
    const box = make("div", { class: "picture" }, make("img", { src: view.image, alt: "" }), svg);
    return { box, write: () => write(texts, svg, units) };
  }

  // Numbers beside their regions, where they hide nothing and not each other. Needs the places on
  // the screen, so that they are of one size in all windows.
  function write(texts, svg, units) {
    const size = 19 * units / Math.max(1, svg.clientWidth), taken = [];
    const free = (box) => taken.every((other) => box.right < other.left || other.right < box.left
      || box.bottom < other.top || other.bottom < box.top);
    const regions = texts.map(({ line }) => line.getBBox());
    const clear = (spot) => regions.every(({ x, y, width, height }) => spot.right < x + 2
      || x + width - 2 < spot.left || spot.bottom < y + 2 || y + height - 2 < spot.top);
    for (const { line, text: words, style } of texts) {
      const node = shape("text", { style: `${style}; --text: ${size}` });
      if (!style) node.classList.add("name");
      node.textContent = words;
      svg.append(node);
      const box = line.getBBox(), half = node.getComputedTextLength() / 2 + size * 0.2;
      const [middle, centre] = [box.x + box.width / 2, box.y + box.height / 2];
      const spots = [[middle, box.y - size * 0.3], [middle, box.y + box.height + size * 0.95],
        [box.x + box.width + half, centre], [box.x - half, centre]].map(([x, y]) => {
        const [x1, y1] = [Math.min(units - half, Math.max(half, x)), Math.min(units - 4, Math.max(size, y))];
        return { x: x1, y: y1, left: x1 - half, right: x1 + half, top: y1 - size * 0.8, bottom: y1 + size * 0.1 };
      });
      const spot = spots.find((each) => free(each) && clear(each)) ?? spots.find(free) ?? spots[0];
      taken.push(spot);
      node.setAttribute("x", spot.x);
      node.setAttribute("y", spot.y);
    }
  }

  // The place of a region without an outline, such as one that the tool made and dropped.
  function cross({ place, numbers }, question, units) {
    const [y0, x0, side] = question.window;
    const [y, x] = place.slice(-2).map((c, n) => (c + 0.5 - [y0, x0][n]) * units / side);
    return shape("path", { d: `M${x - 12} ${y}h24M${x} ${y - 12}v24`, class: "role", style: styleOf(numbers) });
  }

  // What a figure says to those who do not see it.
  function words(question, frame, view, roles) {
    const named = view.cells.flatMap(([label]) => {
      const numbers = roles.get(`${frame.t}:${label}`);
      if (!numbers) return [];
      return [numbers[0] ? `region ${label} of answer ${numbers.join(" and ")}` : `the region in question, ${label}`];
    });
    return `Frame ${frame.t}: ${named.join(", ") || "no region in question"}.`;
  }

  return { colourOf, frameOf, make, picture, rolesOf, tracksOf, words };
})();
