"""`sam4ct package`: what is written, and that the scripts do what the challenge expects.

Engines are played by programs that record how they were called, alone on the PATH
with what a script needs of a system; one test runs the real sam4ct.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from scenes.commands import PATIENCE, ROOT, SOON, Outcome, sam4ct, tree
from scenes.embryo_runs import make_embryo

from sam4ct import __version__
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.profile import load_profile, profile_names

pytestmark = pytest.mark.who

DATASET = "Fluo-N2DH-SIM+"
FOLLOWED = "Fluo-N3DL-DRO"
"""A dataset of mode "track"."""
SYSTEM = ("sh", "dirname", "grep", "sleep", "stat")
RECORD = """#!/bin/sh
# Plays an engine: writes down its arguments, one a line, then does as a test wants.
if [ "$1 $2" = "image inspect" ]; then [ "$3" = "$LOADED" ]; exit; fi
{{ echo "$PWD"; printf '%s\\n' "$0" "$@"; }} > "$CALLS/{name}"
echo $$ > "$CALLS/pid"
{then}
"""
HANG = "trap 'exit 75' TERM\nwhile :; do sleep 0.05; done"
NVIDIA_SMI = "#!/bin/sh\necho 'GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-0)'\n"
CONTAINED = ["run", f"/data/{DATASET}", "01"]
OPTIONS = ["--profile", DATASET, "--overwrite", "--no-report"]


@dataclass(frozen=True)
class Place:
    """A folder laid out as the challenge does, and a PATH with played engines."""

    root: Path
    path: Path

    @property
    def sw(self) -> Path:
        return self.root / "SW"

    def install(self, name: str, then: str = "") -> None:
        """Put an engine on the PATH."""
        self._program(name, RECORD.format(name=name, then=then))

    def install_gpu(self) -> None:
        self._program("nvidia-smi", NVIDIA_SMI)

    def call_as(self, user: int, group: int) -> None:
        """Play the user who calls the script."""
        self._program("id", f"#!/bin/sh\n[ $1 = -u ] && echo {user} || echo {group}\n")

    def _program(self, name: str, text: str) -> None:
        program = self.path / name
        program.write_text(text)
        program.chmod(0o755)

    def start(self, dataset: str = DATASET, **variables: str) -> subprocess.Popen[str]:
        """Start the script of a dataset's first sequence, from a folder that is not its own."""
        calls = {"PATH": str(self.path), "CALLS": str(self.root), "LOADED": "sam4ct:latest"}
        return subprocess.Popen(
            [self.sw / f"{dataset}-01.sh"],
            env=calls | variables,
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, dataset: str = DATASET, **variables: str) -> Outcome:
        process = self.start(dataset, **variables)
        out, err = process.communicate(timeout=PATIENCE)
        return Outcome(process.returncode, out, err)

    def called(self, engine: str, **variables: str) -> list[str]:
        """Run the script and return what the engine was given."""
        ran = self.run(**variables)
        assert ran.status == 0, ran.err
        assert f"engine {engine}" in ran.err
        program = next(n for n in (engine, "sam4ct", "singularity") if (self.root / n).exists())
        return (self.root / program).read_text().splitlines()[2:]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything, as packaged without any option."""
    out = tmp_path_factory.mktemp("packaged")
    assert sam4ct("package", out).status == 0
    return out / "SW"


@pytest.fixture
def place(packaged: Path, tmp_path: Path) -> Place:
    """A dataset beside SW, below a folder with awkward characters, and no engine."""
    place = Place(tmp_path / "a b, c:d", tmp_path / "bin")
    shutil.copytree(packaged, place.sw)
    (place.root / DATASET).mkdir()
    place.path.mkdir()
    place.call_as(1234, 56)
    for name in SYSTEM:
        (place.path / name).symlink_to(str(shutil.which(name)))
    return place


def package(out: Path, *options: object) -> Path:
    done = sam4ct("package", out, *options)
    assert done.status == 0, done.err
    return out / "SW"


def refusal(out: Path, *options: object) -> str:
    """The message of a package that must be refused, and that nothing is written."""
    before = tree(out)
    refused = sam4ct("package", out, *options)
    assert (refused.status, refused.out) == (2, "")
    assert tree(out) == before
    return refused.err


def script(folder: Path, dataset: str = DATASET) -> str:
    return (folder / f"{dataset}-01.sh").read_text()


# What is written


def test_every_profile_has_scripts_of_two_sequences(packaged: Path) -> None:
    names = {f"{name}-{sequence}.sh" for name in profile_names() for sequence in ("01", "02")}
    assert len(names) == 40
    assert {path.name for path in packaged.iterdir()} == names | {"README.md"}


def test_every_script_is_executable_and_sh_can_read_it(packaged: Path) -> None:
    for path in packaged.glob("*.sh"):
        assert path.stat().st_mode & 0o111, path
        assert subprocess.run(["sh", "-n", path]).returncode == 0


def test_nothing_is_left_to_be_filled_in(packaged: Path) -> None:
    for path in packaged.iterdir():
        assert not re.search(r"@[A-Z_]+@", path.read_text()), path


def test_two_packages_are_equal_byte_for_byte(packaged: Path, tmp_path: Path) -> None:
    assert tree(package(tmp_path)) == tree(packaged)


def test_datasets_and_sequences_may_be_chosen(tmp_path: Path) -> None:
    chosen = ["--dataset", DATASET, "--dataset", "PhC-C2DL-PSC", "--sequence", "03"]
    names = {path.name for path in package(tmp_path, *chosen).iterdir()}
    assert names == {f"{DATASET}-03.sh", "PhC-C2DL-PSC-03.sh", "README.md"}


def test_scripts_name_only_weights_that_their_run_has_a_use_for(tmp_path: Path) -> None:
    folder = package(tmp_path, "--weights", "sam2.1-hiera-large", "--weights", "sam-med3d-turbo")
    manifest = load_manifest()
    one, other = (
        f"--weights {name}@sha256:{manifest.get(name).sha256} "
        for name in ("sam2.1-hiera-large", "sam-med3d-turbo")
    )
    for name in profile_names():
        text = script(folder, name)
        assert one in text
        profile = load_profile(name)
        assert (other in text) == (profile.generate_masks or profile.mode == "track"), name


def test_profile_in_a_file_is_refused_for_scripts_would_not_find_it(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text((ROOT / "dataset_profiles" / f"{DATASET}.toml").read_text())
    assert "mine.toml': is a file" in refusal(tmp_path, "--dataset", str(mine))


def test_default_images_may_be_chosen(tmp_path: Path, place: Place) -> None:
    package(place.root, "--overwrite", "--image", "here/it is:1", "--sif", "../x y.sif")
    (place.root / "x y.sif").touch()
    for name in ("docker", "apptainer"):
        place.install(name)
    assert "here/it is:1" in place.called("docker", SAM4CT_ENGINE="docker", LOADED="here/it is:1")
    assert "../x y.sif" in place.called("apptainer", SAM4CT_ENGINE="apptainer")


def test_readme_lists_version_weights_and_parameters(packaged: Path) -> None:
    text = (packaged / "README.md").read_text()
    assert f"sam4ct {__version__}" in text
    for name in ("sam2.1-hiera-large", "compact-sam2", "sam-med3d-turbo", "compact-sam-med3d"):
        assert f"| {load_manifest().get(name).sha256} |" in text
    (head,) = re.findall(r"^\| dataset \| mode .*", text, re.MULTILINE)
    column = head.split(" | ").index("link_radius_px")
    for name in profile_names():
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} | "))
        assert row.split(" | ")[column] == str(load_profile(name).link_radius_px)
    assert re.search(r"^The same for all: .*`edit_masks = false`", text, re.MULTILINE)
    assert re.search(r"^\| Fluo-N3DL-TRIC \| 15.0 \| 300 \| 0.5 \|$", text, re.MULTILINE)


def test_readme_says_which_weights_are_always_used(tmp_path: Path) -> None:
    text = (package(tmp_path, "--weights", "sam2.1-hiera-large") / "README.md").read_text()
    assert re.search(r"^\| sam2.1-hiera-large .* always: named in the scripts \|$", text, re.M)
    assert "| compact-sam2 |" not in text
    assert "| compact-sam-med3d |" in text


# What is refused


def test_existing_folder_is_replaced_only_if_asked(tmp_path: Path) -> None:
    folder = package(tmp_path, "--dataset", DATASET)
    assert f"{folder}: is there already. Add --overwrite" in refusal(tmp_path)
    package(tmp_path, "--dataset", "PhC-C2DL-PSC", "--overwrite")
    assert not (folder / f"{DATASET}-01.sh").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["SW"]


def test_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    (package(tmp_path) / "sam4ct.sif").touch()
    assert "holds sam4ct.sif" in refusal(tmp_path, "--overwrite")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dataset", "Fluo-N2DH-SIM"], f"Did you mean '{DATASET}'?"),
        (["--sequence", "1st"], "'1st': is no number"),
        (["--weights", "sam2.1-hiera-larg"], "Did you mean 'sam2.1-hiera-large'?"),
        (["--weights", "compact-sam2", "--weights", "sam2.1-hiera-tiny"], "both of role sam2"),
        (["--dataset", DATASET, "--weights", "sam-med3d-turbo"], "no dataset chosen generates"),
    ],
)
def test_wrong_choice_is_refused(tmp_path: Path, options: list[str], words: str) -> None:
    assert words in refusal(tmp_path, *options)


# Engines


def test_native_engine_runs_the_sequence_beside_the_folder(place: Place) -> None:
    place.install("sam4ct")
    assert place.called("native") == ["run", str(place.root / DATASET), "01", *OPTIONS]


def test_docker_sees_the_dataset_alone_and_may_do_nothing_else(place: Place) -> None:
    place.install("docker")
    assert place.called("docker") == [
        "run", "--rm", "--pull", "never", "--network", "none", "--read-only", "--tmpfs", "/tmp",
        "--user", "1234:56", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--mount", f'type=bind,"source={place.root / DATASET}",target=/data/{DATASET}',
        "sam4ct:latest", *CONTAINED, *OPTIONS,
    ]  # fmt: skip


def test_docker_runs_for_root_as_the_owner_of_the_dataset(place: Place) -> None:
    place.install("docker")
    place.call_as(0, 0)
    dataset = place.root / DATASET
    if os.geteuid() == 0:  # other users own what they make, and cannot give it away
        os.chown(dataset, 4321, 65)
    owner = dataset.stat()
    arguments = place.called("docker")
    assert arguments[arguments.index("--user") + 1] == f"{owner.st_uid}:{owner.st_gid}"
    assert owner.st_uid != 0


@pytest.mark.parametrize("program", ["apptainer", "singularity"])
def test_apptainer_sees_the_dataset_alone(place: Place, program: str) -> None:
    place.install(program)
    (place.sw / "sam4ct.sif").touch()
    assert place.called("apptainer") == [
        "run", "--containall",
        "--mount", f'type=bind,"source={place.root / DATASET}",target=/data/{DATASET}',
        "sam4ct.sif", *CONTAINED, *OPTIONS,
    ]  # fmt: skip


def test_first_engine_that_can_be_used_is_taken(place: Place) -> None:
    place.install("docker")
    place.install("apptainer")
    assert "engine docker: sam4ct:latest" in place.run().err  # there is no image file
    (place.sw / "sam4ct.sif").touch()
    assert "engine apptainer: sam4ct.sif" in place.run().err
    place.install("sam4ct")
    assert f"engine native: {place.path / 'sam4ct'}" in place.run().err


def test_named_engine_is_taken(place: Place) -> None:
    place.install("sam4ct")
    place.install("docker")
    assert "engine docker" in place.run(SAM4CT_ENGINE="docker").err


def test_without_any_engine_one_message_says_what_is_lacking(place: Place) -> None:
    ran = place.run()
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        f"{DATASET}-01.sh: nothing can run sam4ct here. Install one of these, see README.md:",
        "native: there is no sam4ct on PATH",
        "apptainer: there is no apptainer (or singularity) on PATH",
        f"there is no image file sam4ct.sif in {place.sw}; SAM4CT_SIF names another",
        "docker: there is no docker on PATH",
    ]


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("docker", "docker: it does not answer, or has no image sam4ct:latest"),
        ("apptainer", "apptainer: there is no image file sam4ct.sif"),
        ("native", "native: there is no sam4ct on PATH"),
        ("podman", "podman: is not known"),
    ],
)
def test_named_engine_that_cannot_be_used_is_refused(place: Place, engine: str, words: str) -> None:
    place.install("apptainer")
    place.install("docker")
    ran = place.run(SAM4CT_ENGINE=engine, LOADED="another")
    assert ran.status == 2
    assert words in ran.err
    assert not (place.root / "pid").exists()


@pytest.mark.parametrize(
    ("device", "gpu", "given"),
    [("", False, False), ("", True, True), ("cpu", True, False), ("cuda:1", False, True)],
)
@pytest.mark.parametrize(("engine", "option"), [("docker", "--gpus=all"), ("apptainer", "--nv")])
def test_containers_get_the_gpus_if_wanted_and_present(
    place: Place, engine: str, option: str, device: str, gpu: bool, given: bool
) -> None:
    place.install(engine)
    (place.sw / "sam4ct.sif").touch()
    if gpu:
        place.install_gpu()
    arguments = place.called(engine, SAM4CT_ENGINE=engine, SAM4CT_DEVICE=device)
    assert (option in arguments) == given
    assert arguments[-2:] == (["--device", device] if device else OPTIONS[-2:])


@pytest.mark.parametrize(
    ("engine", "image"), [("docker", "sam4ct:latest"), ("apptainer", "sam4ct.sif")]
)
def test_further_arguments_reach_the_engine(place: Place, engine: str, image: str) -> None:
    place.install(engine)
    (place.sw / "sam4ct.sif").touch()
    arguments = place.called(engine, SAM4CT_ENGINE_ARGS="--user 0:0 --label *")
    end = arguments.index(image)
    assert arguments[end - 4 : end] == ["--user", "0:0", "--label", "*"]


def test_images_are_named_by_variables(place: Place) -> None:
    place.install("docker")
    place.install("apptainer")
    sif = place.root / "other.sif"
    sif.touch()
    assert "it:2" in place.called("docker", SAM4CT_IMAGE="it:2", LOADED="it:2")
    assert str(sif) in place.called("apptainer", SAM4CT_SIF=str(sif))


# Manners


ENGINES: Mapping[str, str] = {"native": "sam4ct", "docker": "docker", "apptainer": "apptainer"}


@pytest.mark.parametrize("engine", ENGINES)
def test_exit_status_comes_through(place: Place, engine: str) -> None:
    place.install(ENGINES[engine], "exit 7")
    (place.sw / "sam4ct.sif").touch()
    assert place.run().status == 7


@pytest.mark.parametrize("engine", ENGINES)
def test_signals_reach_the_engine(place: Place, engine: str) -> None:
    place.install(ENGINES[engine], HANG)
    (place.sw / "sam4ct.sif").touch()
    process = place.start()
    pid, deadline = place.root / "pid", time.monotonic() + PATIENCE
    while not (pid.exists() and pid.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert int(pid.read_text()) == process.pid
    time.sleep(0.2)  # the trap is set after the record is written
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SOON)
    assert process.returncode == 75


def test_missing_dataset_is_refused_before_any_engine(place: Place) -> None:
    place.install("docker")
    ran = place.run("PhC-C2DL-PSC")
    assert ran.status == 2
    assert f"there is no folder ../PhC-C2DL-PSC beside {place.sw}" in ran.err
    assert not (place.root / "pid").exists()


def test_arguments_are_refused(place: Place) -> None:
    place.install("sam4ct")
    ran = subprocess.run(
        [place.sw / f"{DATASET}-01.sh", "02"],
        env={"PATH": str(place.path), "CALLS": str(place.root)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert "takes no arguments" in ran.stderr


def test_a_script_needs_no_other_file_of_its_folder(place: Place) -> None:
    place.install("sam4ct")
    for path in place.sw.iterdir():
        if path.name != f"{DATASET}-01.sh":
            path.unlink()
    assert place.run().status == 0


# The real sam4ct


@pytest.fixture
def real(place: Place) -> Place:
    """A small simulated dataset, and this sam4ct on the PATH."""
    (place.root / DATASET).rmdir()
    movie = ["--dataset", DATASET, "--frames", 4, "--size", 64, 64, "--cells", 4]
    assert sam4ct("simulate", place.root, *movie).status == 0
    program = place.path / "sam4ct"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "entrypoint.py"}" "$@"\n')
    program.chmod(0o755)
    return place


def test_script_gives_the_bytes_of_sam4ct_run(real: Place, tmp_path: Path) -> None:
    dataset = real.root / DATASET
    direct = tmp_path / "direct"
    alone = sam4ct("run", dataset, "01", "--device", "cpu", "--out", direct)
    assert alone.status == 0, alone.err
    ran = real.run(SAM4CT_DEVICE="cpu", OMP_NUM_THREADS="1")
    assert ran.status == 0, ran.err
    assert tree(dataset / "01_RES") == tree(direct)
    assert len(tree(direct)) == 5


def test_script_continues_what_was_begun_and_replaces_an_older_result(real: Place) -> None:
    dataset = real.root / DATASET
    begun = sam4ct("stage", "propagate", dataset, "01", "--device", "cpu", "--profile", DATASET)
    assert begun.status == 0, begun.err
    (dataset / "01_RES").mkdir()
    (dataset / "01_RES" / "res_track.txt").write_text("an older result")
    ran = real.run(SAM4CT_DEVICE="cpu", OMP_NUM_THREADS="1")
    assert ran.status == 0, ran.err
    assert "propagate 1/" not in ran.err
    assert re.match(r"1 0 \d+ 0\n", (dataset / "01_RES" / "res_track.txt").read_text())


def test_script_follows_cells_by_seeds(real: Place) -> None:
    law = ["--frames", 2, "--anisotropy", 5]
    dataset = make_embryo(real.root, *law, dataset=FOLLOWED)
    ran = real.run(FOLLOWED, SAM4CT_DEVICE="cpu", OMP_NUM_THREADS="1")
    assert ran.status == 0, ran.err
    assert f"profile {FOLLOWED}, evidence sam2, weights compact-sam2, compact-sam-med3d" in ran.err
    assert set(tree(dataset / "01_RES")) == {"mask000.tif", "mask001.tif", "res_track.txt"}


def test_script_without_seeds_says_how_they_are_made(real: Place) -> None:
    dataset = make_embryo(real.root, "--frames", 1, dataset=FOLLOWED)
    shutil.rmtree(dataset / "01_SEEDS")
    ran = real.run(FOLLOWED, SAM4CT_DEVICE="cpu")
    assert ran.status == 2
    assert f"no seeds. Find them with `sam4ct seeds {dataset}/01.zarr`" in ran.err
