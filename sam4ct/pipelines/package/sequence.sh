#!/bin/sh
# Cell Tracking Challenge: tracks the cells of ../DATASET/SS, writes ../DATASET/SS_RES.
# Made by `sam4ct package`, version @VERSION@.
#
# Takes no arguments, runs from any folder, needs no other file of this one. It may be steered by
# SAM4CT_ENGINE, SAM4CT_DEVICE, SAM4CT_IMAGE, SAM4CT_SIF and SAM4CT_ENGINE_ARGS: see README.md.
# Ends with 0: done; 2: something is to be mended; 75: stopped, the same command continues.
set -euf

dataset=@DATASET@
sequence=@SEQUENCE@
image=@IMAGE@
sif=@SIF@

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

fail() {
    say "$@"
    exit 2
}

# Prints the program that runs .sif files; nothing if there is none.
sif_runner() {
    command -v apptainer || command -v singularity || true
}

# Prints why an engine cannot be used; nothing if it can.
lacking() {
    case $1 in
        native)
            command -v sam4ct >/dev/null || echo "there is no sam4ct on PATH"
            ;;
        apptainer)
            [ -n "$(sif_runner)" ] || echo "there is no apptainer (or singularity) on PATH"
            [ -f "$sif" ] || echo "there is no image file $sif in $PWD; SAM4CT_SIF names another"
            ;;
        docker)
            if ! command -v docker >/dev/null; then
                echo "there is no docker on PATH"
            elif ! docker image inspect "$image" >/dev/null 2>&1; then
                echo "it does not answer, or has no image $image; SAM4CT_IMAGE names another"
            fi
            ;;
        *)
            echo "is not known; SAM4CT_ENGINE may be native, apptainer or docker"
            ;;
    esac
}

# Sets engine to the first that can be used, out of all or of those in SAM4CT_ENGINE.
# An installation is the plainest of them; an image file needs neither daemon nor root.
choose_engine() {
    reasons=
    for engine in ${SAM4CT_ENGINE:-native apptainer docker}; do
        why=$(lacking "$engine")
        [ -n "$why" ] || return 0
        reasons="$reasons
$engine: $why"
    done
    fail "nothing can run sam4ct here. Install one of these, see README.md:$reasons"
}

# Whether a container is given the GPUs: if they are asked for, or present and not ruled out.
wants_gpu() {
    case ${SAM4CT_DEVICE:-auto} in
        cpu) return 1 ;;
        cuda*) return 0 ;;
    esac
    nvidia-smi -L 2>/dev/null | grep -q '^GPU '
}

# Prints who a container runs as: whoever called, so that the result is theirs. Root has no powers
# in there, not even to write into the folders of others; the owner of the dataset has.
user_and_group() {
    if [ "$(id -u)" -eq 0 ]; then
        stat -c %u:%g "$data"
    else
        echo "$(id -u):$(id -g)"
    fi
}

# exec, so that signals reach the engine, and its exit status whoever called this script.
run_native() {
    say "engine native: $(command -v sam4ct)"
    exec sam4ct run "$data" "$@"
}

run_apptainer() {
    say "engine apptainer: $sif${gpu:+, with GPU}"
    # shellcheck disable=SC2086  # several arguments in one variable
    exec "$(sif_runner)" run --containall --mount "$mount" ${gpu:+--nv} \
        ${SAM4CT_ENGINE_ARGS-} "$sif" run "/data/$dataset" "$@"
}

run_docker() {
    say "engine docker: $image${gpu:+, with GPU}"
    # shellcheck disable=SC2086  # several arguments in one variable
    exec docker run --rm --pull never --network none --read-only --tmpfs /tmp \
        --user "$(user_and_group)" --cap-drop ALL --security-opt no-new-privileges \
        --mount "$mount" ${gpu:+--gpus=all} \
        ${SAM4CT_ENGINE_ARGS-} "$image" run "/data/$dataset" "$@"
}

[ $# -eq 0 ] || fail "takes no arguments, but was given: $*"
CDPATH='' cd -- "$(dirname -- "$0")"
data=$(CDPATH='' cd -- "../$dataset" 2>/dev/null && pwd -P) ||
    fail "there is no folder ../$dataset beside $PWD. Put the dataset there."
# Both engines read this as a line of CSV, so the quotes allow for commas in the path.
mount="type=bind,\"source=$data\",target=/data/$dataset"
image=${SAM4CT_IMAGE:-$image}
sif=${SAM4CT_SIF:-$sif}
gpu=
if wants_gpu; then gpu=yes; fi
choose_engine

# An older result makes way when the new one is complete, and a stopped run is continued.
set -- "$sequence" @OPTIONS@ --overwrite --no-report
[ -z "${SAM4CT_DEVICE-}" ] || set -- "$@" --device "$SAM4CT_DEVICE"
"run_$engine" "$@"
