// The behaviour of the report: the frames viewer, the lineage tree, and their common selection.
// Data: see viewer.py. Positions on the canvas are in units, as in the data.
"use strict";
(() => {
  const FRAMES_PER_SECOND = 8;
  const TRAIL_STEPS = 12;
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const [width, height] = data.size;
  const tracks = new Map(data.tracks.map(([label, begin, end, parent, hue]) =>
    [label, { label, begin, end, parent, hue, daughters: [] }]));
  for (const track of tracks.values()) tracks.get(track.parent)?.daughters.push(track.label);

  const stage = byId("stage"), picture = byId("picture"), outlines = byId("outlines");
  const slider = byId("slider"), lineages = byId("lineages"), tree = byId("tree"), tip = byId("tip");
  const rows = [...tree.querySelectorAll(".track")].sort((a, b) =>
    a.dataset.y - b.dataset.y);
  const rowOf = new Map(rows.map((row) => [Number(row.dataset.track), row]));
  const state = { frame: 0, selected: 0, hovered: 0, timer: 0 };
  stage.style.aspectRatio = `${width} / ${height}`;

  // Frames: decoded when first needed.
  const pictures = new Map();
  function pictureOf(frame) {
    if (!pictures.has(frame)) {
      const image = new Image();
      image.onload = () => { if (state.frame === frame) draw(); };
      image.src = data.frames[frame].image;
      pictures.set(frame, image);
    }
    return pictures.get(frame);
  }

  function cellsOf(frame) {
    const entry = data.frames[frame];
    entry.parsed ??= entry.cells.map(([label, made, x, y, path]) =>
      ({ label, made, x, y, path: new Path2D(path) }));
    return entry.parsed;
  }

  function pen(canvas) {
    const scale = canvas.width / width;
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  function draw() {
    const image = pictureOf(state.frame);
    if (!image.complete) return;
    pen(picture).drawImage(image, 0, 0, width, height);
    const view = {
      pen: pen(outlines),
      px: width / Math.max(1, stage.clientWidth),
      tracks,
      lit: new Set([state.selected, state.hovered]),
      kin: state.selected ? kinOf(state.selected) : tracks,
    };
    if (byId("show-trails").checked) {
      const first = Math.max(0, state.frame - TRAIL_STEPS);
      const past = data.frames.slice(first, state.frame + 1).map((_, n) => cellsOf(first + n));
      drawing.trails(view, past);
    }
    if (byId("show-outlines").checked) drawing.outlines(view, cellsOf(state.frame));
    if (byId("show-labels").checked) drawing.labels(view, cellsOf(state.frame));
  }

  // Frames, one after the other.
  function show(frame) {
    state.frame = Math.min(data.frames.length - 1, Math.max(0, frame));
    const t = data.frames[state.frame].t;
    const x = Number(tree.dataset.x0) + t * Number(tree.dataset.step);
    const now = tree.querySelector(".now");
    now.setAttribute("x1", x);
    now.setAttribute("x2", x);
    slider.value = state.frame;
    slider.setAttribute("aria-valuetext", `frame ${t}`);
    byId("frame").textContent = `frame ${t} of ${data.frames.at(-1).t}`;
    tip.hidden = true;
    draw();
    if (state.frame + 1 < data.frames.length) pictureOf(state.frame + 1);
  }

  function showTime(t) {
    const away = data.frames.map((frame) => Math.abs(frame.t - t));
    show(away.indexOf(Math.min(...away)));
  }

  function play(on) {
    clearInterval(state.timer);
    const next = () => show((state.frame + 1) % data.frames.length);
    state.timer = on ? setInterval(next, 1000 / FRAMES_PER_SECOND) : 0;
    byId("play").textContent = on ? "❚❚" : "▶";
    byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
  }

  // Selection.
  // A track with its ancestors and all its descendants.
  function kinOf(label) {
    const kin = new Set([label]);
    for (const each of kin) tracks.get(each).daughters.forEach((daughter) => kin.add(daughter));
    for (let track = tracks.get(label); track; track = tracks.get(track.parent)) kin.add(track.label);
    return kin;
  }

  function select(label) {
    state.selected = tracks.has(label) ? label : 0;
    const kin = state.selected ? kinOf(state.selected) : new Set();
    tree.classList.toggle("chosen", state.selected > 0 && rowOf.has(state.selected));
    for (const [other, row] of rowOf) {
      row.classList.toggle("on", other === state.selected);
      row.classList.toggle("kin", kin.has(other));
    }
    if (rowOf.has(state.selected)) reveal(rowOf.get(state.selected));
    describe();
    draw();
  }

  function reveal(row) {
    const y = Number(row.dataset.y);
    const top = lineages.scrollTop, room = lineages.clientHeight - 40;
    if (y < top + 20 || y > top + room) lineages.scrollTop = y - room / 2;
  }

  function describe() {
    const box = byId("details");
    const track = tracks.get(state.selected);
    if (!track) {
      box.textContent = "No track selected.";
      return;
    }
    box.textContent = `Track ${track.label}: frames ${track.begin} to ${track.end}`;
    const mention = (words, labels) => {
      box.append(words);
      for (const label of labels) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = label;
        button.onclick = () => visit(label);
        box.append(" ", button);
      }
    };
    // An only daughter is no division: the same cell goes on under another label.
    const siblings = tracks.get(track.parent)?.daughters.length;
    if (siblings) mention(siblings > 1 ? ", mother" : ", continues", [track.parent]);
    const { daughters } = track;
    if (daughters.length) mention(daughters.length > 1 ? ", daughters" : ", continued by", daughters);
    if (!rowOf.has(track.label)) box.append(" (not drawn in the tree)");
  }

  // Select a track and, if it is not in view, go to where it begins or ends.
  function visit(label) {
    const track = tracks.get(label);
    const t = data.frames[state.frame].t;
    if (track && (t < track.begin || t > track.end)) showTime(t < track.begin ? track.begin : track.end);
    select(label);
  }

  function cellAt(event) {
    const box = outlines.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    const context = outlines.getContext("2d");
    const away = (cell) => Math.hypot(cell.x - x * width, cell.y - y * height);
    const hits = cellsOf(state.frame).filter((cell) =>
      context.isPointInPath(cell.path, x * outlines.width, y * outlines.height, "evenodd"));
    return hits.sort((a, b) => away(a) - away(b))[0];
  }

  function hover(event) {
    const cell = cellAt(event);
    tip.hidden = !cell;
    if (cell) {
      tip.textContent = `track ${cell.label}${cell.made ? " (generated)" : ""}`;
      tip.style.left = `${Math.min(event.offsetX + 14, stage.clientWidth - tip.offsetWidth - 4)}px`;
      tip.style.top = `${Math.max(4, event.offsetY - 30)}px`;
    }
    if ((cell?.label ?? 0) !== state.hovered) {
      state.hovered = cell?.label ?? 0;
      draw();
    }
  }

  // Wiring.
  outlines.addEventListener("mousemove", hover);
  outlines.addEventListener("mouseleave", () => { tip.hidden = true; state.hovered = 0; draw(); });
  outlines.addEventListener("click", (event) => select(cellAt(event)?.label ?? 0));
  tree.addEventListener("click", (event) => {
    const row = event.target.closest(".track");
    if (row) visit(Number(row.dataset.track));
  });
  slider.addEventListener("input", () => { play(false); show(Number(slider.value)); });
  byId("play").addEventListener("click", () => play(!state.timer));
  byId("brightness").addEventListener("input", (event) => {
    picture.style.filter = `brightness(${event.target.value})`;
  });
  for (const id of ["show-outlines", "show-labels", "show-trails"]) byId(id).addEventListener("change", draw);
  for (const card of document.querySelectorAll(".links button")) {
    card.addEventListener("click", () => {
      play(false);
      showTime(Number(card.dataset.t));
      select(Number(card.dataset.track));
      stage.scrollIntoView({ block: "center" });
    });
  }
  outlines.addEventListener("keydown", (event) => {
    const keys = {
      ArrowLeft: () => { play(false); show(state.frame - 1); },
      ArrowRight: () => { play(false); show(state.frame + 1); },
      Home: () => show(0),
      End: () => show(data.frames.length - 1),
      " ": () => play(!state.timer),
      Escape: () => select(0),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  lineages.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !rows.length) return;
    event.preventDefault();
    const at = rows.indexOf(rowOf.get(state.selected));
    const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step));
    visit(Number(rows[next].dataset.track));
  });
  new ResizeObserver(() => {
    for (const canvas of [picture, outlines]) {
      canvas.width = Math.round(stage.clientWidth * devicePixelRatio);
      canvas.height = Math.round(stage.clientHeight * devicePixelRatio);
    }
    draw();
  }).observe(stage);

  // A link can name a place: report.html#t=12&track=5
  const place = new URLSearchParams(location.hash.slice(1));
  showTime(Number(place.get("t") ?? 0));
  select(Number(place.get("track") ?? 0));
})();
