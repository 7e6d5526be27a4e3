// One panel of the viewer: a picture, and above it outlines, on the two canvases of one stage.
// Decodes pictures and finds the cell under the mouse. Positions are in units, as in the data.
// A picture of the data is an object with `image` (URI) and `cells` (rows, see cellsOf).
"use strict";
const panels = (() => {
  // Decoded when first needed; `ready` is called when that has happened.
  function imageOf(shown, ready) {
    if (!shown.decoded) {
      shown.decoded = new Image();
      shown.decoded.onload = ready;
      shown.decoded.src = shown.image;
    }
    return shown.decoded;
  }

  function cellsOf(shown) {
    shown.parsed ??= shown.cells.map(([label, made, x, y, path]) =>
      ({ label, made, x, y, path: new Path2D(path) }));
    return shown.parsed;
  }

  class Panel {
    // `redraw` is called whenever the panel must be drawn again.
    constructor(stage, [width, height], redraw) {
      Object.assign(this, { stage, width, height, redraw });
      [this.picture, this.outlines] = stage.querySelectorAll("canvas");
      this.tip = stage.querySelector(".tip");
      stage.style.aspectRatio = `${width} / ${height}`;
      new ResizeObserver(() => {
        for (const canvas of [this.picture, this.outlines]) {
          canvas.width = Math.round(stage.clientWidth * devicePixelRatio);
          canvas.height = Math.round(stage.clientHeight * devicePixelRatio);
        }
        redraw();
      }).observe(stage);
    }

    pen(canvas) {
      const context = canvas.getContext("2d");
      context.setTransform(canvas.width / this.width, 0, 0, canvas.height / this.height, 0, 0);
      context.clearRect(0, 0, this.width, this.height);
      return context;
    }

    // Draw the picture and return what drawing.js needs for the rest; null if it is not decoded.
    begin(shown) {
      const image = imageOf(shown, this.redraw);
      if (!image.complete) return null;
      this.pen(this.picture).drawImage(image, 0, 0, this.width, this.height);
      const px = this.width / Math.max(1, this.stage.clientWidth);
      return { pen: this.pen(this.outlines), px, width: this.width };
    }

    // Position of a mouse event, units.
    at(event) {
      const box = this.outlines.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width * this.width,
        (event.clientY - box.top) / box.height * this.height];
    }

    // The cell under a mouse event; of several the one with the nearest centre.
    cellAt(event, cells) {
      const [x, y] = this.at(event);
      const context = this.outlines.getContext("2d");
      const { width, height } = this.outlines;
      const away = (cell) => Math.hypot(cell.x - x, cell.y - y);
      const hits = cells.filter((cell) => context.isPointInPath(
        cell.path, x / this.width * width, y / this.height * height, "evenodd"));
      return hits.sort((a, b) => away(a) - away(b))[0];
    }

    showTip(event, text) {
      const { tip, stage } = this;
      tip.hidden = !text;
      tip.textContent = text;
      tip.style.left = `${Math.min(event.offsetX + 14, stage.clientWidth - tip.offsetWidth - 4)}px`;
      tip.style.top = `${Math.max(4, event.offsetY - 30)}px`;
    }
  }

  return { Panel, cellsOf, imageOf };
})();
