"""Permissions, streams and variables: what surrounds a run."""

from __future__ import annotations

from fuzz_faults.cases import Call, Case, Part
from fuzz_faults.registry import CALL, EITHER, FINE, FRAMES, REFUSED, SKIP, UNHEARD, Blame, fault

READ = (*FRAMES, "seeds", "init", "truth_table", "result_table")
WRITERS = {"run": REFUSED, "fast": REFUSED, "sam2": REFUSED, "follow": REFUSED, "report": REFUSED}


@fault("file", READ, REFUSED)
def unreadable_file(case: Case, part: Part) -> Blame:
    """A file may not be read."""
    name = case.pick(part)
    case.locks.append((case.file(part, name), 0o000))
    return [name]


@fault("folder", READ, REFUSED, apart=("listing",))
def unreadable_folder(case: Case, part: Part) -> Blame:
    """The folder may not be listed or entered."""
    case.locks.append((case.folder(part), 0o000))
    return [part.folder]


@fault("folder", READ, REFUSED, apart=("listing",), init_tracks=SKIP)
def folder_not_entered(case: Case, part: Part) -> Blame:
    """The folder may be listed, but not entered."""
    case.locks.append((case.folder(part), 0o600))
    return [part.folder]


@fault("folder", ("images", "masks", "seeds", "init", "labels", "truth"), FINE)
def read_only_input(case: Case, part: Part) -> Blame:
    """Input may be read only."""
    case.locks += [(case.file(part, name), 0o444) for name in part.names]
    case.locks.append((case.folder(part), 0o555))
    return []


@fault("target", CALL, FINE, check=EITHER, check_follow=EITHER, **WRITERS)
def read_only_dataset(case: Case, call: Call) -> Blame:
    """Nothing may be written into the dataset."""
    case.locks.append((case.dataset, 0o555))
    return [case.name, "_RES"]


@fault("target", CALL, REFUSED, run=SKIP, fast=SKIP, sam2=SKIP, follow=SKIP, check=SKIP,
       check_follow=SKIP, validate=SKIP, report=SKIP)  # fmt: skip
def read_only_output(case: Case, call: Call) -> Blame:
    """Nothing may be written where the output is to go."""
    case.on_disk.append((case.root / "out").mkdir)
    case.locks.append((case.root / "out", 0o555))
    return [f"{case.root}/out"]


# Streams


@fault("streams", CALL, FINE)
def no_stdin(case: Case, call: Call) -> Blame:
    """Standard input is closed."""
    call.streams = "<&-"
    return []


@fault("streams", CALL, FINE)
def no_stdout(case: Case, call: Call) -> Blame:
    """Standard output is closed."""
    call.streams = ">&-"
    return []


@fault("streams", CALL, FINE)
def no_stderr(case: Case, call: Call) -> Blame:
    """Standard error is closed."""
    call.streams = "2>&-"
    return []


@fault("streams", CALL, FINE)
def no_streams(case: Case, call: Call) -> Blame:
    """All three streams are closed, as for daemons."""
    call.streams = "<&- >&- 2>&-"
    return []


@fault("streams", CALL, UNHEARD)
def full_stdout(case: Case, call: Call) -> Blame:
    """Standard output goes to a full disk."""
    call.streams = ">/dev/full"
    return ["stdout"]


@fault("streams", CALL, FINE)
def full_stderr(case: Case, call: Call) -> Blame:
    """Standard error goes to a full disk."""
    call.streams = "2>/dev/full"
    return []


@fault("streams", CALL, FINE)
def nobody_listens(case: Case, call: Call) -> Blame:
    """Standard output is a pipe whose reader is gone."""
    call.streams = "|"
    return []


# Variables


def _set(call: Call, **variables: str) -> Blame:
    call.variables |= variables
    call.fresh = True
    return []


@fault("variables", CALL, FINE)
def plain_locale(case: Case, call: Call) -> Blame:
    """The locale is C, and Python is not to use UTF-8."""
    return _set(call, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")


@fault("variables", CALL, FINE)
def narrow_encoding(case: Case, call: Call) -> Blame:
    """What is printed must be in Latin-1."""
    return _set(call, PYTHONIOENCODING="latin-1")


@fault("variables", CALL, FINE)
def ascii_encoding(case: Case, call: Call) -> Blame:
    """What is printed must be in ASCII."""
    return _set(call, PYTHONIOENCODING="ascii:strict")


@fault("variables", CALL, FINE)
def no_folder_for_temporary_files(case: Case, call: Call) -> Blame:
    """TMPDIR names a folder that is not there."""
    return _set(call, TMPDIR="/nowhere/tmp")


@fault("variables", CALL, FINE)
def no_home(case: Case, call: Call) -> Blame:
    """HOME names a folder that is not there."""
    return _set(call, HOME="/nowhere/home")


@fault("variables", CALL, FINE)
def odd_terminal(case: Case, call: Call) -> Blame:
    """The terminal is one column wide and knows nothing."""
    return _set(call, COLUMNS="1", LINES="1", TERM="dumb", TZ="Nowhere/At-all")


@fault("variables", CALL, FINE)
def optimised_python(case: Case, call: Call) -> Blame:
    """Python is told to optimise, and to write no bytecode."""
    return _set(call, PYTHONOPTIMIZE="2", PYTHONDONTWRITEBYTECODE="1")


@fault("variables", CALL, FINE)
def strict_umask(case: Case, call: Call) -> Blame:
    """What is written may be read by its owner only, or written by all."""
    call.umask = [0o077, 0o000][int(case.rng.integers(2))]
    return []


@fault("variables", CALL, EITHER)
def many_threads(case: Case, call: Call) -> Blame:
    """Variables for threads hold odd values."""
    value = str(case.rng.choice(["3", "0", "x", "-1"]))
    return [*_set(call, OMP_NUM_THREADS=value), "OMP_NUM_THREADS"]


@fault("variables", CALL, FINE)
def working_folder_is_locked(case: Case, call: Call) -> Blame:
    """The working folder may not be written, nor listed."""
    case.locks.append((case.root / "cwd", 0o100))
    return []
