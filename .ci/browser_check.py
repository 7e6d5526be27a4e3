"""Can a person correct a lineage in a browser, with the keyboard alone? See .ci/browser.

browser_check.py FOLDER [SCREENSHOTS]    simulate sequences in FOLDER, ask about them
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from browser_driver import ENTER, ESCAPE, LEFT, RIGHT, TAB, Browser

from sam4ct.corrections import Correction, Kind
from sam4ct.io.corrections import read_corrections
from sam4ct.io.work import read_table
from sam4ct.tables import Links

ANSWERS = 20
Link = tuple[int, int, int, int]


def main(folder: Path, screenshots: Path | None) -> None:
    """Do all checks; the first that fails raises."""
    make_results(folder)
    for name in ("Flat", "Deep"):
        look(folder, name, screenshots)
    told("pages fit at 1280 and 1920 pixels, light and dark, and write nothing to the console")
    answer_in_file(folder)
    answer_to_server(folder)


def make_results(folder: Path) -> None:
    """Simulate an image sequence and a volume, and link them."""
    some = ("--missed", "0.06", "--seed", "2")
    flat = ("--frames", "16", "--size", "200", "240", "--cells", "26")
    deep = ("--ndim", "3", "--frames", "6", "--size", "96", "96", "--slices", "14", "--cells", "14")
    sam4ct("simulate", str(folder), "--dataset", "Flat", *flat, *some)
    sam4ct("simulate", str(folder), "--dataset", "Deep", *deep, *some)
    for name in ("Flat", "Deep"):
        sam4ct("run", str(folder / name), "01", "--evidence", "overlap")


def look(folder: Path, name: str, screenshots: Path | None) -> None:
    """Check that the view fits into usual windows, and take pictures of it."""
    page = (folder / name / "01_RES.sam4ct" / "report.html").as_uri()
    for size in ((1280, 720), (1920, 1080)):
        for dark in (False, True):
            shade = "dark" if dark else "light"
            with Browser(
                folder / "profiles" / f"{name}-{size[0]}-{shade}", size, dark=dark
            ) as browser:
                browser.open(f"{page}#review")
                assert browser.script("return document.documentElement.scrollHeight") <= size[1]
                assert browser.script("return document.documentElement.scrollWidth") <= size[0]
                steady(browser)
                assert browser.complaints() == []
                if screenshots:
                    screenshots.mkdir(parents=True, exist_ok=True)
                    browser.picture(screenshots / f"{name.lower()}-{size[0]}-{shade}.png")


def steady(browser: Browser) -> None:
    """Check that nothing moves when keys are pressed."""
    before = places(browser)
    for keys in ("n", RIGHT, ".", ",", "h", "h", "o", ESCAPE, LEFT, TAB):
        browser.press(keys)
        assert places(browser) == before, f"after {keys!r} the page is at other places"
    browser.press(f"{RIGHT}{LEFT}")


def places(browser: Browser) -> object:
    names = "const boxes = ['question', 'bar', 'large', 'strip', 'previous', 'said', 'kept'];"
    box = "const { x, y, width, height } = document.getElementById(id).getBoundingClientRect();"
    # The strip has as many pictures as the question has frames, and the texts wrap.
    texts = "['question', 'said', 'kept', 'strip'].includes(id)"
    mine = f"return {texts} ? [x, y] : [x, y, width, height];"
    return browser.script(f"{names} return boxes.map((id) => {{ {box} {mine} }});")


def check_contradictions(browser: Browser) -> None:
    """Check that the page knows which answers exclude each other, and which do not."""
    cell, other, later = "t: 1, label: 5", "t: 2, label: 5", "t2: 2, label2: 6"
    contradicting = (
        ("kind: 'same cell', CELL, LATER", "kind: 'ends', CELL"),
        ("kind: 'same cell', CELL, LATER", "kind: 'same cell', CELL, t2: 2, label2: 7"),
        ("kind: 'same cell', CELL, LATER", "kind: 'not same cell', CELL, LATER"),
        ("kind: 'same cell', CELL, LATER", "kind: 'begins', t: 2, label: 6"),
        ("kind: 'same cell', CELL, LATER", "kind: 'no cell', t: 2, label: 6"),
        ("kind: 'divides', CELL, LATER, label3: 7", "kind: 'does not divide', CELL"),
        ("kind: 'divides', CELL, LATER, label3: 7", "kind: 'same cell', CELL, LATER"),
    )
    agreeing = (
        ("kind: 'same cell', CELL, LATER", "kind: 'ends', OTHER"),
        ("kind: 'same cell', CELL, LATER", "kind: 'same cell', OTHER, t2: 3, label2: 6"),
        ("kind: 'same cell', CELL, LATER", "kind: 'not same cell', OTHER, t2: 3, label2: 6"),
        ("kind: 'divides', CELL, LATER, label3: 7", "kind: 'does not divide', OTHER"),
        ("kind: 'begins', CELL", "kind: 'ends', CELL"),
    )
    for pairs, expected in ((contradicting, True), (agreeing, False)):
        for pair in pairs:
            named = [
                text.replace("CELL", cell).replace("OTHER", other).replace("LATER", later)
                for text in pair
            ]
            one, two = (f"[{{ {text} }}]" for text in named)
            found = browser.script(
                f"return [answering.clash({one}, {two}), answering.clash({two}, {one})]"
            )
            assert found == [expected, expected], pair


def answer_in_file(folder: Path) -> None:
    """Answer in the report, reload it in between, save, and run again."""
    result = folder / "Flat" / "01_RES"
    with Browser(folder / "profiles" / "file") as browser:
        browser.open(f"{report_of(result).as_uri()}#review")
        # A file dialog cannot be driven; without it, the file is a download.
        browser.script("window.showSaveFilePicker = undefined")
        check_contradictions(browser)
        answer(browser, ANSWERS // 2)
        before = kept(browser)
        browser.reload()
        assert kept(browser) == before, f"a reload has lost answers: {before}, {kept(browser)}"
        assert "still here" in browser.text("said")
        told(f"{ANSWERS // 2} answers by keyboard are still there after a reload")
        browser.script("window.showSaveFilePicker = undefined")
        answer(browser, ANSWERS - ANSWERS // 2)
        browser.script("document.getElementById('save').focus()")
        browser.press(ENTER)
        saved = browser.downloads / "01_CORRECTIONS.csv"
        browser.wait(saved.exists)
        assert "Saved as 01_CORRECTIONS.csv" in browser.text("said")
        assert browser.complaints() == []
    corrections = read_corrections(saved)
    assert len(corrections) >= ANSWERS // 2
    saved.rename(result.with_name(saved.name))
    before_run = links_of(result)
    sam4ct("run", str(result.parent), "01", "--evidence", "overlap")
    assert links_of(result) != before_run
    check_obeyed(corrections, links_of(result))
    told(f"{len(corrections)} corrections are saved, and the next run obeys all of them")


def answer_to_server(folder: Path) -> None:
    """Answer to `sam4ct review`, have it solve again, kill it, and look what is saved."""
    result = folder / "Flat" / "01_RES"
    file = result.with_name("01_CORRECTIONS.csv")
    earlier = set(read_corrections(file))
    server, address = served(result)
    with Browser(folder / "profiles" / "server") as browser:
        browser.open(address)
        assert browser.script("return document.body.classList.contains('reviewing')")
        answer(browser, 5)
        browser.press("r")
        browser.wait(lambda: "Solved again" in browser.text("said"))
        found = re.search(r"(\d+) links? changed", browser.text("said"))
        assert found, browser.text("said")
        told(f"solved again in the page: {browser.text('said')}")
        answer(browser, 3)
        before = browser.text("pace")
        busy = "return document.getElementById('kept').getAttribute('aria-busy')"
        browser.wait(lambda: browser.script(busy) == "false")
        browser.reload()
        assert browser.text("pace") == before, "a reload has lost answers"
        server.kill()
        server.wait()
        corrections = read_corrections(file)
        assert earlier < set(corrections)
        browser.press("y")
        browser.wait(lambda: "has ended" in browser.text("said"))
    told(f"killed, the server has left {len(corrections)} corrections in the file")
    server, _ = served(result)
    server.send_signal(signal.SIGINT)
    said, _ = server.communicate(timeout=60)
    assert server.returncode == 0
    assert file.name in said
    assert read_corrections(file) == corrections
    sam4ct("run", str(result.parent), "01", "--evidence", "overlap")
    check_obeyed(corrections, links_of(result))
    told("Ctrl-C ends it, and the next run obeys what it has saved")


def served(result: Path) -> tuple[subprocess.Popen[str], str]:
    """Start `sam4ct review`; return the process and the address of its page."""
    command = [sys.executable, "-m", "sam4ct", "-q", "review", str(result), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    for line in server.stdout:
        if found := re.search(r"http://\S+", line):
            return server, found[0]
    raise RuntimeError(f"{command}: ended with {server.wait()}")


def answer(browser: Browser, count: int) -> None:
    """Answer questions with keys only: in turns what the tool has, something else, and skipped."""
    for n in range(count):
        asked = browser.text("question") + browser.text("count")
        if n % 5 == 4:
            browser.press("ns")
        elif n % 5 == 3:
            browser.press("o")
            label = browser.script("return document.querySelector('.large .can')?.dataset.label")
            browser.press(f"{label}{ENTER}" if label else "e")
        else:
            browser.press(("y", "2", "ny")[n % 5])
        if "contradict" in browser.text("said"):
            browser.press("us")
        assert browser.text("question") + browser.text("count") != asked, browser.text("said")


def kept(browser: Browser) -> list[str]:
    return [browser.text(name) for name in ("count", "pace", "question", "save")]


def check_obeyed(corrections: Sequence[Correction], links: set[Link]) -> None:
    """Check that a lineage is as answered."""
    after, before = {link[:2] for link in links}, {link[2:] for link in links}
    for one in corrections:
        ends = [(end.t, end.label) for end in one.ends]
        match one.kind:
            case Kind.SAME_CELL | Kind.DIVIDES:
                assert all((*ends[0], *end) in links for end in ends[1:]), one
            case Kind.NOT_SAME_CELL:
                assert (*ends[0], *ends[1]) not in links, one
            case Kind.ENDS:
                assert ends[0] not in after, one
            case Kind.BEGINS:
                assert ends[0] not in before, one
            case Kind.DOES_NOT_DIVIDE:
                assert sum(link[:2] == ends[0] for link in links) < 2, one


def links_of(result: Path) -> set[Link]:
    links = read_table(result.with_name("01_RES.sam4ct") / "links.parquet", Links)
    columns = (links.t, links.label, links.t2, links.label2)
    return set(zip(*(column.tolist() for column in columns), strict=True))


def report_of(result: Path) -> Path:
    return result.with_name("01_RES.sam4ct") / "report.html"


def sam4ct(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "sam4ct", "-q", *arguments], check=True)


def told(words: str) -> None:
    print(f"ok    {words}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None)
