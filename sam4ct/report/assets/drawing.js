// Draws cells on the canvas: strokes and colours. page.js decides which cells are drawn.
// A view has: pen (context in units), px (units per CSS pixel), width (units), tracks (by label,
// with their hue), lit (labels to highlight) and kin (labels that are not faded).
"use strict";
const drawing = (() => {
  const SHADOW = "rgba(0, 0, 0, 0.5)";

  // One lightness for all hues, so that no track is harder to see than another.
  function colour({ tracks }, label, lightness = 0.82) {
    return `oklch(${lightness} 0.17 ${tracks.get(label).hue})`;
  }

  function outlines(view, cells) {
    const { pen, px } = view;
    pen.lineJoin = "round";
    for (const cell of cells) {
      const lit = view.lit.has(cell.label);
      if (lit) {
        pen.globalAlpha = 0.25;
        pen.fillStyle = colour(view, cell.label);
        pen.fill(cell.path, "evenodd");
      }
      pen.globalAlpha = lit || view.kin.has(cell.label) ? 1 : 0.5;
      pen.setLineDash(cell.made ? [5 * px, 4 * px] : []);
      pen.strokeStyle = SHADOW;
      pen.lineWidth = (lit ? 5 : 3) * px;
      pen.stroke(cell.path);
      pen.strokeStyle = colour(view, cell.label);
      pen.lineWidth = (lit ? 3 : 1.6) * px;
      pen.stroke(cell.path);
    }
    pen.globalAlpha = 1;
    pen.setLineDash([]);
  }

  // From each cell to where its track or its mother was, through the frames of `past`.
  function trails(view, past) {
    const { pen, px, tracks } = view;
    const last = new Map();
    pen.lineCap = "round";
    pen.lineWidth = 2 * px;
    past.forEach((cells, n) => {
      pen.globalAlpha = 0.2 + 0.8 * (n + 1) / past.length;
      for (const cell of cells) {
        const from = last.get(cell.label) ?? last.get(tracks.get(cell.label).parent);
        last.set(cell.label, cell);
        if (!from) continue;
        pen.strokeStyle = colour(view, cell.label);
        pen.beginPath();
        pen.moveTo(from.x, from.y);
        pen.lineTo(cell.x, cell.y);
        pen.stroke();
      }
    });
    pen.globalAlpha = 1;
  }

  function labels(view, cells) {
    const { pen, px } = view;
    pen.font = `600 ${12 * px}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineWidth = 3 * px;
    for (const { label, x, y } of cells) {
      pen.strokeStyle = SHADOW;
      pen.strokeText(label, x, y);
      pen.fillStyle = colour(view, label, 0.92);
      pen.fillText(label, x, y);
    }
  }

  // A level across the panel: where a slice lies, seen from the side.
  function level({ pen, px, width }, y) {
    pen.strokeStyle = SHADOW;
    pen.lineWidth = 3 * px;
    const line = new Path2D(`M0 ${y}h${width}`);
    pen.stroke(line);
    pen.strokeStyle = "white";
    pen.lineWidth = px;
    pen.stroke(line);
  }

  return { outlines, trails, labels, level };
})();
