"""The documentation speaks of files, names, commands and options that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import click
import pytest
from scenes.commands import sam4ct

from sam4ct.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/*.md")])
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)]+))?\)")
GLOSSARY = ROOT / "docs" / "glossary.md"
TERM = re.compile(r"^- \*\*([^*]+)\*\*.*\n +\[`([\w.]+)`\]\(([^)]+)\)$", re.MULTILINE)


def names_in(path: Path) -> set[str]:
    """Classes, their fields, functions and the module itself or, for an `__init__`, its room."""
    names = {path.parent.name if path.stem == "__init__" else path.stem}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            fields = (line.target for line in node.body if isinstance(line, ast.AnnAssign))
            names |= {f"{node.name}.{ast.unparse(field)}" for field in fields}
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {ast.unparse(target) for target in node.targets}
    return names


def leads_somewhere(page: Path, target: str, heading: str) -> bool:
    """Whether a relative link has its file and, of a page, its heading."""
    to = page.parent / target if target else page
    headings = re.findall(r"^#+ (.*)$", to.read_text(), re.MULTILINE) if heading else []
    slugs = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
    return to.exists() and (not heading or heading in slugs)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files_and_headings_that_exist(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if ":" not in link[0]]
    assert [link for link in links if not leads_somewhere(page, *link)] == []


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 250


def test_every_term_of_the_glossary_links_to_its_type_or_module() -> None:
    text = GLOSSARY.read_text()
    terms = TERM.findall(text)
    assert len(terms) >= 30
    assert len(terms) == text.count("\n- **")
    lost = [
        (term, name) for term, name, file in terms if name not in names_in(GLOSSARY.parent / file)
    ]
    assert lost == []


def commands_in(text: str) -> list[tuple[tuple[str, ...], set[str]]]:
    """Return the commands in a page's code: the words that name each, and its options."""
    fenced = re.findall(r"^```bash.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", text)
    found = []
    for line in "\n".join([*fenced, *inline]).splitlines():
        if spoken := re.match(r"(?:\.venv/bin/)?sam4ct (?:-[qv] )?([^-].*)", line):
            words = spoken[1].split()
            depth = 2 if isinstance(cli.commands.get(words[0]), click.Group) else 1
            found.append((tuple(words[:depth]), set(re.findall(r"--[a-z-]+", line))))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_of_a_page_exist(page: Path) -> None:
    for words, options in commands_in(page.read_text()):
        helped = sam4ct(*words, "--help")
        assert helped.status == 0, words
        assert options <= set(re.findall(r"--[a-z-]+", helped.out)), words


def test_there_are_commands_to_look_for() -> None:
    commands = commands_in((ROOT / "README.md").read_text())
    assert (("weights", "fetch"), set()) in commands
    assert (("selftest",), {"--weights"}) in commands


def test_every_option_of_run_is_listed() -> None:
    text = (ROOT / "docs" / "options.md").read_text()
    rest = text[text.index("| option of `run`") :]
    table = rest[: rest.index("\n\n")].replace("\\|", "/")
    options = {option for p in cli.commands["run"].params for option in p.opts + p.secondary_opts}
    firsts = re.findall(r"^\| (`--[^|]+)\|", table, re.MULTILINE)
    listed = {option for cell in firsts for option in re.findall(r"`(--[a-z-]+)", cell)}
    assert listed == {o for o in options if o.startswith("--")} - {"--report"}
