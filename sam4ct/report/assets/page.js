// The behaviour of the report: the frames viewer, the lineage tree, and their common selection.
// Data: see viewer.py. Positions on the canvas are in units, as in the data.
"use strict";
(() => {
  const FRAMES_PER_SECOND = 8;
  const TRAIL_STEPS = 12;
  const { cellsOf, imageOf } = panels;
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const { volume } = data;
  const tracks = new Map(data.tracks.map(([label, begin, end, parent, hue]) =>
    [label, { label, begin, end, parent, hue, daughters: [] }]));
  for (const track of tracks.values()) tracks.get(track.parent)?.daughters.push(track.label);

  const slider = byId("slider"), lineages = byId("lineages"), tree = byId("tree");
  const rows = [...tree.querySelectorAll(".track")].sort((a, b) =>
    a.dataset.y - b.dataset.y);
  const rowOf = new Map(rows.map((row) => [Number(row.dataset.track), row]));
  // `slice`: which of the slices is shown; -1 is the projection.
  const state = { frame: 0, slice: -1, selected: 0, hovered: 0, timer: 0 };
  const front = new panels.Panel(byId("stage"), data.size, draw);
  const side = volume && new panels.Panel(byId("side"), volume.side, draw);

  function frontOf(frame) {
    return state.slice < 0 ? data.frames[frame] : data.frames[frame].slices[state.slice];
  }

  function draw() {
    const now = cellsOf(frontOf(state.frame));
    // A single slice brings order to the other panel and to the trails, too.
    const here = new Set([state.selected, ...now.map((cell) => cell.label)]);
    const seen = (cells) => state.slice < 0 ? cells : cells.filter((cell) => here.has(cell.label));
    const style = {
      tracks,
      lit: new Set([state.selected, state.hovered]),
      kin: state.selected ? kinOf(state.selected) : tracks,
    };
    const view = front.begin(frontOf(state.frame));
    if (view) {
      Object.assign(view, style);
      if (byId("show-trails").checked) {
        const first = Math.max(0, state.frame - TRAIL_STEPS);
        const past = data.frames.slice(first, state.frame + 1);
        drawing.trails(view, past.map((frame) => seen(cellsOf(frame))));
      }
      if (byId("show-outlines").checked) drawing.outlines(view, now);
      if (byId("show-labels").checked) drawing.labels(view, now);
    }
    const below = side?.begin(data.frames[state.frame].side);
    if (below) {
      Object.assign(below, style);
      const cells = seen(cellsOf(data.frames[state.frame].side));
      if (byId("show-outlines").checked) drawing.outlines(below, cells);
      if (state.slice >= 0) drawing.level(below, (volume.zs[state.slice] + 0.5) * volume.slice);
    }
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
    hideTips();
    draw();
    if (state.frame + 1 < data.frames.length) imageOf(frontOf(state.frame + 1), draw);
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

  // Slices of a volume; -1 is the projection.
  function showSlice(slice) {
    state.slice = Math.min(volume.zs.length - 1, Math.max(-1, slice));
    byId("show-projection").checked = state.slice < 0;
    byId("show-slices").checked = state.slice >= 0;
    if (state.slice >= 0) byId("depth").value = state.slice;
    const text = `slice ${volume.numbers[state.slice]} of ${volume.depth - 1}`;
    byId("depth").setAttribute("aria-valuetext", text);
    byId("slice").textContent = state.slice < 0 ? "all slices" : text;
    hideTips();
    draw();
  }

  // The shown slice that is nearest to a height of the side view, units.
  function sliceAt(y) {
    return nearest(volume.zs.map((z) => (z + 0.5) * volume.slice), y);
  }

  // The place of the value that is nearest to another one.
  function nearest(values, wanted) {
    const away = values.map((value) => Math.abs(value - wanted));
    return away.indexOf(Math.min(...away));
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
    if (state.slice >= 0) {
      const cell = cellsOf(data.frames[state.frame].side).find((other) => other.label === label);
      if (cell) showSlice(sliceAt(cell.y));
    }
    select(label);
  }

  function hideTips() {
    front.tip.hidden = true;
    if (side) side.tip.hidden = true;
  }

  // What the mouse does on a panel; `shown` gives the picture that is on it.
  function listen(panel, shown) {
    const cellAt = (event) => panel.cellAt(event, cellsOf(shown()));
    const light = (label) => {
      if (label === state.hovered) return;
      state.hovered = label;
      draw();
    };
    panel.outlines.addEventListener("mousemove", (event) => {
      const cell = cellAt(event);
      panel.showTip(event, cell ? `track ${cell.label}${cell.made ? " (generated)" : ""}` : "");
      light(cell?.label ?? 0);
    });
    panel.outlines.addEventListener("mouseleave", () => { hideTips(); light(0); });
    panel.outlines.addEventListener("click", (event) => select(cellAt(event)?.label ?? 0));
  }

  // Wiring.
  listen(front, () => frontOf(state.frame));
  if (volume) {
    const depth = byId("depth");
    depth.value = Math.floor(volume.zs.length / 2);
    listen(side, () => data.frames[state.frame].side);
    side.outlines.addEventListener("click", (event) => showSlice(sliceAt(side.at(event)[1])));
    depth.addEventListener("input", () => showSlice(Number(depth.value)));
    byId("show-projection").addEventListener("change", () => showSlice(-1));
    byId("show-slices").addEventListener("change", () => showSlice(Number(depth.value)));
  }
  tree.addEventListener("click", (event) => {
    const row = event.target.closest(".track");
    if (row) visit(Number(row.dataset.track));
  });
  slider.addEventListener("input", () => { play(false); show(Number(slider.value)); });
  byId("play").addEventListener("click", () => play(!state.timer));
  byId("brightness").addEventListener("input", (event) => {
    for (const panel of [front, side]) {
      if (panel) panel.picture.style.filter = `brightness(${event.target.value})`;
    }
  });
  for (const id of ["show-outlines", "show-labels", "show-trails"]) byId(id).addEventListener("change", draw);
  for (const card of document.querySelectorAll(".links button")) {
    card.addEventListener("click", () => {
      play(false);
      showTime(Number(card.dataset.t));
      visit(Number(card.dataset.track));
      front.stage.scrollIntoView({ block: "center" });
    });
  }
  front.outlines.addEventListener("keydown", (event) => {
    const keys = {
      ArrowLeft: () => { play(false); show(state.frame - 1); },
      ArrowRight: () => { play(false); show(state.frame + 1); },
      ...(volume && {
        ArrowUp: () => showSlice(state.slice - 1),
        ArrowDown: () => showSlice(state.slice + 1),
      }),
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
  // A link can name a place: report.html#t=12&track=5, and in a volume &z=20
  const place = new URLSearchParams(location.hash.slice(1));
  showTime(Number(place.get("t") ?? 0));
  if (volume) showSlice(place.has("z") ? nearest(volume.numbers, Number(place.get("z"))) : -1);
  select(Number(place.get("track") ?? 0));
})();
