# shellcheck shell=bash disable=SC2154
# Sourced by .ci/container: what a user does with the image, each as one check.

readonly HARD=(--rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges)
readonly STRANGER=4321

passed=0
failed=0

# ok NAME COMMAND [ARGUMENT...]: one check, one line; the output is shown if it fails
ok() {
    local name=$1 began=$SECONDS
    shift
    if "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $((SECONDS - began)) s  $name"
    else
        failed=$((failed + 1))
        tail -30 "$work/output" | sed 's/^/     /'
        echo "FAIL $((SECONDS - began)) s  $name"
    fi
}

# refuses STATUS TEXT COMMAND...: ends with that status, and says the text in its one message
refuses() {
    local expected=$1 text=$2 status=0
    shift 2
    "$@" >"$work/refusal" 2>&1 || status=$?
    cat "$work/refusal"
    ((status == expected)) && [[ $(grep -c '^Error: ' "$work/refusal") == 1 ]] &&
        grep -q "$text" "$work/refusal"
}

# The first frames of the smallest real sequence, once for each way to run it.
make_real() {
    local masks images
    masks=$(du -s "$SAM4CT_DATA"/*/*_ERR_SEG | sort -n | head -1 | cut -f2)
    images=${masks%_ERR_SEG}
    sequence=$(basename "$images")
    dataset=$(basename "$(dirname "$images")")
    for way in outside docker apptainer; do
        local copy=$work/$way/$dataset
        mkdir -p "$copy/$sequence" "$copy/${sequence}_ERR_SEG"
        find "$images" -name 't*.tif' | sort | head -6 | xargs -d '\n' cp -t "$copy/$sequence"
        find "$masks" -name 'mask*.tif' | sort | head -6 |
            xargs -d '\n' cp -t "$copy/${sequence}_ERR_SEG"
    done
    chown -R "$STRANGER:$STRANGER" "$work/docker" "$work/apptainer"
    "$SAM4CT_BIN/sam4ct" -q run "$work/outside/$dataset" --no-report >/dev/null
}

same_bytes() { diff -r "$work/outside/$dataset/${sequence}_RES" "$work/$1/$dataset/${sequence}_RES"; }

# As the challenge's harness does, as any user: no arguments, everything below the mount.
run_all() { docker run "${HARD[@]}" --user "$STRANGER:$STRANGER" -v "$work/docker:/data" "$@"; }

# Stops the container once the first evidence is there, as `docker stop` and clusters do.
stops_and_goes_on() {
    local evidence="$work/docker/$dataset/${sequence}_RES.sam4ct/work/evidence" began
    docker run -d "${HARD[@]:1}" --name stopped --user "$STRANGER:$STRANGER" \
        -v "$work/docker:/data" sam4ct
    until compgen -G "$evidence/*.parquet" >/dev/null; do
        [[ $(docker inspect -f '{{.State.Running}}' stopped) == true ]] || return 1
        sleep 0.1
    done
    began=$SECONDS
    docker stop --time 30 stopped
    docker logs stopped
    [[ $(docker inspect -f '{{.State.ExitCode}}' stopped) == 75 ]] || return 1
    ((SECONDS - began < 10)) || return 1
    docker rm stopped
    [[ ! -e $work/docker/$dataset/${sequence}_RES ]] || return 1
    run_all sam4ct && same_bytes docker
}

does_nothing_more() {
    local before
    before=$(listing)
    run_all sam4ct && [[ $(listing) == "$before" ]]
}

# Everything below the mount, with times.
listing() { find "$work/docker" -printf '%p %s %T@\n' | sort; }

demo_inside() {
    local out=$work/demo
    mkdir "$out" && chown "$STRANGER:$STRANGER" "$out"
    docker run "${HARD[@]}" --user "$STRANGER:$STRANGER" -v "$out:/data" sam4ct demo /data/demo &&
        [[ $(stat -c %u "$out/demo") == "$STRANGER" ]]
}

check_runs() {
    ok "nothing mounted: refused" refuses 2 "/data" docker run "${HARD[@]}" sam4ct
    ok "no GPU, and the CPU not asked for: refused" refuses 2 "gpus all" \
        run_all --env SAM4CT_DEVICE=cuda sam4ct
    ok "a mount that this user may not write: refused" refuses 2 "This is user 1234:1234" \
        docker run "${HARD[@]}" --user 1234:1234 -v "$work/docker:/data" sam4ct
    ok "demo: any user id, read-only, no network, no capabilities" demo_inside
    ok "stopped by SIGTERM, the same command gives the bytes of a run outside" stops_and_goes_on
    ok "all is done already: nothing more happens" does_nothing_more
}
