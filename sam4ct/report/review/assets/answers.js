// What was answered: kept in the browser, and written as corrections.csv. Knows no page elements.
// A row is a correction with the names of the columns; places are texts, "y x" or "z y x".
"use strict";
const answering = (() => {
  const COLUMNS = ["kind", "t", "label", "place", "t2", "label2", "place2", "label3", "place3", "note"];
  const NEGATED = {
    "same cell": ["not same cell", 2], "divides": ["does not divide", 1], "no cell": ["cell", 1],
  };
  const LONGEST_MS = 60_000; // A longer look was a break, and says nothing about the pace.
  const PACE_OF = 20;

  function csvField(value) {
    const text = String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function csvOf(rows) {
    const cells = (row) => COLUMNS.map((name) =>
      name.startsWith("label") && !row[name] ? "" : csvField(row[name]));
    const lines = rows.map((row) => cells(row).join(","));
    // In one order whatever the order of the answers, each once.
    return [COLUMNS.join(","), ...[...new Set(lines)].sort()].join("\n") + "\n";
  }

  // The corrections that say that an answer is wrong; [] where no correction says that.
  function negated({ corrections }) {
    const [kind, ends] = NEGATED[corrections.length === 1 ? corrections[0].kind : ""] ?? [];
    if (!kind) return [];
    const { t, label, place, t2, label2, place2, note } = corrections[0];
    return [{ kind, t, label, place, ...(ends > 1 && { t2, label2, place2 }), note }];
  }

  // What a correction says, as [key, value]: two that give one key two values contradict each other.
  function claimsOf(row) {
    const [one, two, three] = ["", "2", "3"].map((n) => (row[`label${n}`] || row[`place${n}`])
      && `${n ? row.t2 : row.t}:${row[`label${n}`] || row[`place${n}`]}`);
    const pair = (daughter, said) => [`pair ${one} ${daughter}`, said];
    const cells = row.kind === "no cell" ? [] : [one, two, three].filter(Boolean).map((cell) => [`cell ${cell}`, true]);
    switch (row.kind) {
      case "same cell":
        return [...cells, [`out ${one}`, two], [`in ${two}`, one], pair(two, true)];
      case "divides":
        return [...cells, [`out ${one}`, [two, three].sort().join()], [`divides ${one}`, true],
          ...[two, three].flatMap((each) => [[`in ${each}`, one], pair(each, true)])];
      case "not same cell": return [pair(two, false)];
      case "does not divide": return [...cells, [`divides ${one}`, false]];
      case "begins": return [...cells, [`in ${one}`, ""]];
      case "ends": return [...cells, [`out ${one}`, ""]];
      case "no cell": return [[`cell ${one}`, false]];
      default: return cells;
    }
  }

  // Whether some corrections contradict others.
  function clash(rows, others) {
    const said = new Map(others.flatMap(claimsOf));
    return rows.flatMap(claimsOf).some(([key, value]) => said.has(key) && said.get(key) !== value);
  }

  // Some browsers keep nothing for pages that are files, and some throw when asked.
  function storageOf(name) {
    try {
      const { localStorage } = window;
      localStorage.setItem(`${name}.try`, "1");
      localStorage.removeItem(`${name}.try`);
      return localStorage;
    } catch {
      return null;
    }
  }

  // The answers of a result: records by key of the question, in the order of answering.
  // A record: { choice (number of the answer, -1: something else, null: skipped), rows, ms }.
  class Book {
    // Without an identity nothing is kept: then a server has the answers.
    constructor(identity, earlier) {
      this.name = `sam4ct.review.${identity}`;
      this.earlier = earlier;
      this.storage = identity ? storageOf(this.name) : null;
      this.records = new Map();
      this.saved = 0; // Records that were in the file when it was last saved.
      try {
        const kept = JSON.parse(this.storage?.getItem(this.name) ?? "{}");
        this.records = new Map(kept.records);
        this.saved = kept.saved ?? 0;
      } catch {
        // What another version kept, or nothing: begin anew.
      }
    }

    // Take the answers that a server has: rows by key of the question.
    adopt(answered, questions) {
      const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
      for (const [key, rows] of Object.entries(answered)) {
        const question = questions.find((each) => each.key === key);
        const choice = question?.answers.findIndex((answer) => same(answer.corrections, rows)) ?? -1;
        this.records.set(key, { choice: rows.length ? choice : null, rows, ms: 0 });
      }
    }

    get keeps() { return this.storage !== null; }

    keep() {
      try {
        const { records, saved } = this;
        this.storage?.setItem(this.name, JSON.stringify({ records: [...records], saved }));
      } catch {
        this.storage = null; // full, or taken away
      }
    }

    put(key, record) {
      this.records.delete(key); // so that it becomes the last one
      this.records.set(key, record);
      this.saved = Math.min(this.saved, this.records.size - 1);
      this.keep();
    }

    // Take the last answer back; return the key of its question.
    undo() {
      const key = [...this.records.keys()].at(-1);
      this.records.delete(key);
      this.saved = -1; // The file has an answer that is no longer one.
      this.keep();
      return key;
    }

    get rows() { return [...this.records.values()].flatMap((record) => record.rows); }

    // Whether the answer to a question contradicts another one.
    clashes(key) {
      const others = [...this.records].filter(([other]) => other !== key).flatMap(([, record]) => record.rows);
      return clash(this.records.get(key).rows, [...this.earlier, ...others]);
    }

    get unsaved() { return this.rows.length > 0 && this.saved !== this.records.size; }

    csv() { return csvOf([...this.earlier, ...this.rows]); }

    markSaved() {
      this.saved = this.records.size;
      this.keep();
    }

    // Milliseconds an answer takes, by the last ones; undefined until there are three.
    get pace() {
      const times = [...this.records.values()].map((record) => record.ms).filter((ms) => ms > 0);
      if (times.length < 3) return undefined;
      const last = times.slice(-PACE_OF).map((ms) => Math.min(ms, LONGEST_MS)).sort((a, b) => a - b);
      return last[Math.floor(last.length / 2)];
    }
  }

  function timeLeft(questions, pace) {
    if (pace === undefined || !questions) return "";
    const minutes = Math.round(questions * pace / 60_000);
    if (minutes < 1) return "less than a minute left";
    return `about ${minutes} ${minutes > 1 ? "minutes" : "minute"} left`;
  }

  // Write a file where the user chooses, and again there; else as a download. False: cancelled.
  let target = null;
  async function saveFile(name, text) {
    if (window.showSaveFilePicker) {
      try {
        target ??= await window.showSaveFilePicker({
          suggestedName: name, types: [{ description: "Corrections", accept: { "text/csv": [".csv"] } }],
        });
        const file = await target.createWritable();
        await file.write(text);
        await file.close();
        return target.name;
      } catch (error) {
        target = null;
        if (error.name === "AbortError") return "";
      }
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return name;
  }

  return { Book, clash, csvOf, negated, saveFile, timeLeft };
})();
