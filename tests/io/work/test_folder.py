"""A work folder keeps what is still good, and lets in who may work there."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scenes.commands import PATIENCE

from sam4ct.errors import WorkError
from sam4ct.io.files.atomic import write_json
from sam4ct.io.files.locks import FolderLock
from sam4ct.io.work.folder import STAGES, WorkDir

RUN = {"inputs": "1a", "profile": "2b", "device": "cpu", "weights.sam2": "compact 3c"}
OTHER_WEIGHTS = RUN | {"weights.sam2": "large 4d"}
OTHER_MACHINE = OTHER_WEIGHTS | {"device": "cuda"}
KEYS = {stage: {"code": "1"} for stage in STAGES}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "01_RES.sam4ct"


def made_by(work: WorkDir) -> dict[str, list[Path]]:
    """The artifacts by stage."""
    return {
        "detect": [work.detections],
        "propagate": [work.evidence(0, 1), work.masks(0, 1)],
        "repair": [work.artifact("repair", "joined.parquet")],
        "associate": [work.artifact("associate", "links.parquet")],
        "generate": [work.artifact("generate", "links.parquet")],
        "edit": [work.artifact("edit", "links.parquet")],
        "correct": [work.artifact("correct", "debris.parquet"), work.links],
        "fill": [work.artifact("fill", "regions.parquet")],
        "paint": [work.run_json, work.report],
    }


def run_all(root: Path, key: dict[str, str] = RUN, last: str = "paint") -> None:
    """Begin every stage up to `last` and leave its artifacts, if they are not there."""
    with WorkDir.open(root, key) as work:
        for stage in STAGES[: STAGES.index(last) + 1]:
            work.stage(stage, KEYS[stage])
            for path in made_by(work)[stage]:
                if not work.has(path):
                    write_json(path, {})


def stages_left(root: Path) -> list[str]:
    """Stages of which everything is still there; none may be there in part."""
    left = []
    for stage, paths in made_by(WorkDir(root)).items():
        assert len({path.exists() for path in paths}) == 1
        if paths[0].exists():
            left.append(stage)
    return left


HOLDER = """
import json, sys
from pathlib import Path
from sam4ct.io.work.folder import WorkDir
root, key, mode = sys.argv[1:]
with WorkDir.open(Path(root), json.loads(key), shared=mode == "shared"):
    print("in", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(root: Path, mode: str) -> Iterator[subprocess.Popen[str]]:
    """Another process works in the folder, "shared" or "alone"."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, root, json.dumps(RUN), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        yield process
        process.kill()


def test_paths_are_those_of_the_layout(root: Path) -> None:
    work = WorkDir(root)
    paths = [
        work.evidence(12, 1), work.masks(12, 2), work.detections, work.artifact("fill", "a.json"),
        work.links, work.run_json, work.report,
    ]  # fmt: skip
    assert [str(path.relative_to(root)) for path in paths] == [
        "work/evidence/00012_1.parquet", "work/masks/00012_2.parquet", "work/detections.parquet",
        "work/fill/a.json", "links.parquet", "run.json", "report.html",
    ]  # fmt: skip


def test_looking_at_a_folder_makes_nothing(root: Path) -> None:
    assert not WorkDir(root).has(WorkDir(root).detections)
    assert not root.exists()


def test_what_was_made_under_the_same_key_stays(root: Path) -> None:
    run_all(root)
    with WorkDir.open(root, RUN) as work:
        for stage in STAGES:
            work.stage(stage, KEYS[stage])
    assert stages_left(root) == list(STAGES)


@pytest.mark.parametrize("changed", STAGES)
def test_a_changed_key_removes_its_stage_and_all_later_ones(root: Path, changed: str) -> None:
    run_all(root)
    with WorkDir.open(root, RUN) as work:
        work.stage(changed, {"code": "2"})
    assert stages_left(root) == list(STAGES[: STAGES.index(changed)])


def test_every_file_of_a_stage_goes_with_it(root: Path) -> None:
    run_all(root)
    with WorkDir.open(root, RUN) as work:
        write_json(work.artifact("repair", "costs.json"), {})
        work.stage("repair", {"code": "2"})
    assert sorted(path.name for path in (root / "work").iterdir()) == [
        "detections.parquet", "evidence", "key.json", "masks",
    ]  # fmt: skip


def test_a_stage_of_unknown_origin_is_made_anew(root: Path) -> None:
    """As a removal leaves it that was killed."""
    run_all(root)
    key = root / "work" / "key.json"
    stored = json.loads(key.read_text())
    del stored["stages"]["fill"]
    write_json(key, stored)
    with WorkDir.open(root, RUN) as work:
        work.stage("fill", KEYS["fill"])
    assert stages_left(root) == list(STAGES[: STAGES.index("fill")])


def test_a_killed_removal_is_taken_up_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_all(root)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, WorkDir.open(root, RUN) as work:
        patch.setattr("sam4ct.io.work.folder._remove", killed)
        with pytest.raises(KeyboardInterrupt):
            work.stage("propagate", {"code": "2"})
    with WorkDir.open(root, RUN) as work:
        work.stage("propagate", KEYS["propagate"])  # the old key again
    assert stages_left(root) == ["detect"]


def test_other_weights_cannot_resume_an_unfinished_run(root: Path) -> None:
    run_all(root, last="propagate")
    message = r"01_RES\.sam4ct: .*unfinished.*sam2 compact 3c.*--weights.*--overwrite"
    with pytest.raises(WorkError, match=message), WorkDir.open(root, OTHER_WEIGHTS):
        pass
    assert stages_left(root) == ["detect", "propagate"]
    run_all(root)  # the right ones still can


@pytest.mark.parametrize("other", [OTHER_MACHINE, RUN | {"device": "cuda"}])
def test_other_machine_cannot_throw_away_an_unfinished_run(
    root: Path, other: dict[str, str]
) -> None:
    run_all(root, last="propagate")
    with (
        pytest.raises(WorkError, match=r"unfinished.*device cpu.*--device.*--overwrite"),
        WorkDir.open(root, other),
    ):
        pass
    assert stages_left(root) == ["detect", "propagate"]


def test_overwrite_gives_up_an_unfinished_run(root: Path) -> None:
    run_all(root, last="propagate")
    with WorkDir.open(root, OTHER_WEIGHTS, overwrite=True) as work:
        work.stage("detect", KEYS["detect"])
        work.stage("propagate", {"weights": "large 4d"})
    assert stages_left(root) == ["detect"]


def test_overwrite_keeps_what_is_good(root: Path) -> None:
    run_all(root, last="propagate")
    with WorkDir.open(root, RUN, overwrite=True) as work:
        work.stage("propagate", KEYS["propagate"])
    assert stages_left(root) == ["detect", "propagate"]


@pytest.mark.parametrize(
    ("last", "key"),
    [
        ("paint", OTHER_WEIGHTS),
        ("propagate", OTHER_WEIGHTS | {"profile": "5e"}),
        ("propagate", RUN | {"profile": "5e"}),
    ],
    ids=["finished", "profile and weights", "profile"],
)
def test_any_other_change_is_let_in(root: Path, last: str, key: dict[str, str]) -> None:
    run_all(root, last=last)
    run_all(root, key)
    assert json.loads((root / "work" / "key.json").read_text())["run"] == key


def test_weights_may_change_before_anything_is_done(root: Path) -> None:
    with WorkDir.open(root, RUN):
        pass
    run_all(root, OTHER_WEIGHTS)
    assert stages_left(root) == list(STAGES)


@pytest.mark.parametrize("content", ["", "[]", '{"run": {}}', '{"run": 1, "stages": 2}', "\xff"])
def test_a_damaged_key_is_refused(root: Path, content: str) -> None:
    run_all(root)
    (root / "work" / "key.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(WorkError, match=r"key\.json: damaged\. Delete"), WorkDir.open(root, RUN):
        pass


def test_half_written_files_go_when_a_run_comes_alone(root: Path) -> None:
    run_all(root)
    leftover = root / "work" / "evidence" / ".sam4ct-0123456789abcdef.tmp"
    leftover.write_text("half")
    with WorkDir.open(root, RUN, shared=True):
        assert leftover.exists()  # another shard may be writing it
    with WorkDir.open(root, RUN):
        assert not leftover.exists()
    assert stages_left(root) == list(STAGES)


@pytest.mark.parametrize(
    ("held", "wanted"), [("alone", "alone"), ("alone", "shared"), ("shared", "alone")]
)
def test_a_second_run_is_refused_and_the_first_is_named(root: Path, held: str, wanted: str) -> None:
    with held_by_another(root, held) as other:
        refusal = re.escape(f"{root}: in use by process {other.pid} on ")
        with (
            pytest.raises(WorkError, match=refusal),
            WorkDir.open(root, RUN, shared=wanted == "shared"),
        ):
            pass


def test_shards_work_side_by_side(root: Path) -> None:
    with held_by_another(root, "shared"), WorkDir.open(root, RUN, shared=True) as work:
        work.stage("detect", KEYS["detect"])


@pytest.mark.parametrize("mode", ["alone", "shared"])
def test_a_killed_run_leaves_no_lock(root: Path, mode: str) -> None:
    with held_by_another(root, mode) as other:
        other.kill()
        other.wait()
        with WorkDir.open(root, RUN):
            pass


def test_only_living_holders_are_named(root: Path) -> None:
    with held_by_another(root, "shared") as dead, held_by_another(root, "shared") as living:
        dead.kill()
        dead.wait()
        with pytest.raises(WorkError) as refusal, WorkDir.open(root, RUN):
            pass
    assert re.findall(r"process (\d+)", str(refusal.value)) == [str(living.pid)]


def test_a_shard_removes_nothing_under_the_others(root: Path) -> None:
    run_all(root, last="propagate")
    with WorkDir.open(root, RUN, shared=True) as work:
        with held_by_another(root, "shared") as other:
            with pytest.raises(WorkError, match=f"in use by process {other.pid} "):
                work.stage("propagate", {"code": "2"})
            assert stages_left(root) == ["detect", "propagate"]
        work.stage("propagate", {"code": "2"})
        assert stages_left(root) == ["detect"]
        with held_by_another(root, "shared"):  # and shares again afterwards
            pass


def test_a_shard_with_nothing_to_remove_needs_not_be_alone(root: Path) -> None:
    with WorkDir.open(root, RUN, shared=True) as work, held_by_another(root, "shared"):
        for stage in STAGES:
            work.stage(stage, KEYS[stage])


def test_empty_folders_made_for_a_stage_in_advance_are_nothing_to_remove(root: Path) -> None:
    """Workflow managers make the folders of what a job will write before they start it."""
    for stage in STAGES:
        (root / "work" / stage).mkdir(parents=True)
    with WorkDir.open(root, RUN, shared=True) as work, held_by_another(root, "shared"):
        work.stage("detect", KEYS["detect"])
    assert (root / "work" / "propagate").is_dir()


def test_a_file_that_others_put_into_the_folder_of_a_stage_goes_with_it(root: Path) -> None:
    """workflow/Snakefile marks there which shards are done, so a mark never outlives them."""
    run_all(root, last="propagate")
    mark = WorkDir(root).artifact("propagate", "frames-0-4.done")
    mark.parent.mkdir(exist_ok=True)
    mark.touch()
    with WorkDir.open(root, RUN) as work:
        work.stage("detect", KEYS["detect"])
        work.stage("propagate", KEYS["propagate"])
        assert mark.exists()
        work.stage("propagate", {"code": "2"})
    assert not mark.exists()


GUARDED = """
import sys
from pathlib import Path
from sam4ct.io.files.locks import FolderLock
print("ready", flush=True)
with FolderLock.held(Path(sys.argv[1]), shared=True):
    print("in", flush=True)
"""


def test_who_comes_while_a_shard_is_alone_waits_for_it(root: Path) -> None:
    """Between two kinds of lock there is a moment without any."""
    with FolderLock.held(root, shared=True) as lock:
        with lock.guarded():
            other = subprocess.Popen([sys.executable, "-c", GUARDED, root], stdout=subprocess.PIPE)
            assert other.stdout is not None
            assert other.stdout.readline() == b"ready\n"
            assert not select.select([other.stdout], [], [], 0.3)[0]
        output, _ = other.communicate(timeout=PATIENCE)
    assert output == b"in\n"


def test_the_lock_file_does_not_grow_with_the_runs(root: Path) -> None:
    for _ in range(3):
        run_all(root)
    assert len((root / "lock").read_text().splitlines()) == 1


SHARD = """
import sys
from pathlib import Path
from sam4ct.io.files.atomic import write_json
from sam4ct.io.work.folder import WorkDir
root, number = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(20):
    with WorkDir.open(root / str(turn), {"weights.sam2": "a"}, shared=True) as work:
        work.stage("detect", {"code": "1"})
        write_json(work.artifact("detect", "same.json"), 1)
        work.stage("propagate", {"code": "1"})
        write_json(work.evidence(number, 1), number)
"""


def test_shards_that_start_at_once_agree(root: Path) -> None:
    shards = [
        subprocess.Popen(
            [sys.executable, "-c", SHARD, root, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    for shard in shards:
        assert shard.stdout is not None
        shard.stdout.readline()
    for shard in shards:
        assert shard.stdin is not None
        shard.stdin.write("go\n")
        shard.stdin.flush()
    for shard in shards:
        shard.communicate(timeout=PATIENCE)
        assert shard.returncode == 0
    for turn in range(20):
        work = WorkDir(root / str(turn))
        assert [work.has(work.evidence(n, 1)) for n in range(4)] == [True] * 4


def test_without_locks_on_the_file_system_a_run_goes_on_with_one_warning(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unsupported(file: object, operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    run_all(root)
    assert stages_left(root) == list(STAGES)
    assert [record.message for record in caplog.records if "no locks" in record.message] == [
        f"{root}: no locks on this file system; start one run at a time here"
    ]


def a_file_in_the_way(root: Path) -> Path:
    root.write_text("")
    return root


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        (a_file_in_the_way, "move it away"),
        (lambda root: a_file_in_the_way(root) / "below", "move it away"),
        (lambda root: root / ("n" * 300), "shorter path"),
    ],
    ids=["file", "below a file", "long name"],
)
def test_an_unusable_place_is_refused_with_a_remedy(
    root: Path, place: Callable[[Path], Path], remedy: str
) -> None:
    path = place(root)
    with pytest.raises(WorkError, match=f"{path}.*: .*{remedy}"), WorkDir.open(path, RUN):
        pass
