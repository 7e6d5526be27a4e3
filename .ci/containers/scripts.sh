# shellcheck shell=bash disable=SC2154
# Sourced by .ci/container: the shell scripts of this repository, and those that `sam4ct package`
# writes, laid out as a submission to the challenge is: SW/ beside the datasets.

readonly SETS=(Fluo-N2DL-HeLa Fluo-N3DH-CE)

lint_scripts() {
    local scripts
    mapfile -t scripts < <(git ls-files | xargs grep -lE '^#!.*\b(ba)?sh\b' --)
    ((${#scripts[@]} > 0)) && "$work/lint/bin/shellcheck" --external-sources --severity=warning \
        "${scripts[@]}"
}

make_sets() {
    local simulate=("$SAM4CT_BIN/sam4ct" simulate "$work/sets" --frames 5 --cells 6)
    "$SAM4CT_BIN/sam4ct" package "$work/sets"
    "${simulate[@]}" --dataset "${SETS[0]}" --size 96 96
    "${simulate[@]}" --dataset "${SETS[1]}" --size 96 96 --ndim 3 --slices 8 --anisotropy 5
    mkdir -p "$work/share"
    for engine in native docker apptainer; do
        cp -r "$work/sets" "$work/share/submission $engine"
    done
    chown -R "$STRANGER:$STRANGER" "$work/share/submission apptainer"
}

# run_scripts ENGINE [PREFIX...]: both datasets; compared with the native results
run_scripts() {
    local engine=$1 name
    shift
    for name in "${SETS[@]}"; do
        "$@" env "SAM4CT_ENGINE=$engine" SAM4CT_DEVICE=cpu SAM4CT_IMAGE=sam4ct \
            SAM4CT_SIF="$work/share/sam4ct.sif" \
            "$work/share/submission $engine/SW/$name-01.sh" || return 1
        diff -r "$work/share/submission native/$name/01_RES" \
            "$work/share/submission $engine/$name/01_RES" || return 1
    done
}

check_scripts() {
    ok "a submission's folder" make_sets
    ok "its scripts, natively" run_scripts native env "PATH=$SAM4CT_BIN:$PATH"
    ok "its scripts, in the container: the same bytes" run_scripts docker env "PATH=/usr/bin:$PATH"
}
