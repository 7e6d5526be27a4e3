# shellcheck shell=bash disable=SC2154
# Sourced by .ci/container: builds the image, and shows how it gets its weights.

# copy_context FOLDER: what a build sees, as .dockerignore lists it
copy_context() {
    local pattern
    mkdir -p "$1"
    for pattern in Dockerfile .dockerignore $(sed -n 's/^!//p' .dockerignore); do
        if [[ -e $pattern ]]; then
            cp -r --parents "$pattern" "$1"
        fi
    done
}

labelled() { docker inspect --format "{{index .Config.Labels \"$2\"}}" "$1"; }

has_labels() {
    [[ $(labelled "$1" org.opencontainers.image.revision) == "$REVISION" ]] &&
        [[ -n $(labelled "$1" org.opencontainers.image.version) ]] &&
        [[ $(labelled "$1" org.opencontainers.image.licenses) == Apache-2.0 ]] &&
        [[ $(labelled "$1" sam4ct.weights.included) == *compact-sam2@sha256:* ]]
}

has_no_compiler() {
    # shellcheck disable=SC2016  # expanded in the container
    docker run --rm --network none --entrypoint sh "$1" -c \
        'for tool in gcc cc clang make; do if command -v $tool; then exit 1; fi; done'
}

# build_fails TEXT ARGUMENT...: the build stops, and its log has the text
build_fails() {
    local text=$1
    shift
    if build sam4ct-broken "$@"; then
        echo "the build went on"
        return 1
    fi
    grep -m 1 "$text" "$work/sam4ct-broken.log"
}

has_weights() {
    docker run "${HARD[@]}" "$1" weights verify | tee /dev/stderr |
        grep -c 'ok, /opt/sam4ct/weights/' | grep -qx 2
}

fetches_weights() {
    local context=$1 server status=0 port
    port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    mv "$context/weights" "$context/../served"
    python3 -m http.server "$port" --bind 127.0.0.1 --directory "$context/../served" &
    server=$!
    build sam4ct-fetched "$context" --build-arg "WEIGHTS=$stand_ins" \
        --build-arg "SAM4CT_WEIGHTS_MIRROR=http://127.0.0.1:$port" || status=$?
    kill "$server"
    mv "$context/../served" "$context/weights"
    ((status == 0)) && has_weights sam4ct-fetched
}

# The published weights cannot be had everywhere: small files of the same names and form stand in.
check_weights() {
    local context=$work/context
    copy_context "$context"
    stand_ins=$("$SAM4CT_BIN/python" .ci/containers/stand_ins.py "$context")
    ok "weights from a folder, without a network" \
        build sam4ct-weights "$context" --build-arg "WEIGHTS=$stand_ins"
    ok "they are in the image, and sound" has_weights sam4ct-weights
    ok "their hashes are a label" \
        test "$(labelled sam4ct-weights sam4ct.weights)" = "$stand_ins"
    ok "weights over HTTP" fetches_weights "$context"
    ok "another hash than the manifest's stops the build" build_fails 'asked for with the SHA-256' \
        "$context" --build-arg WEIGHTS="sam-med3d-turbo@sha256:0123"
    printf x | dd of="$context/weights/sam_med3d_turbo.pth" bs=1 seek=1000 conv=notrunc 2>/dev/null
    ok "a damaged file stops the build" build_fails "is not 'sam-med3d-turbo'" \
        "$context" --build-arg "WEIGHTS=$stand_ins"
    ok "a damaged file in /weights stops a run" refuses 2 "is not 'sam2.1-hiera-large'" \
        docker run "${HARD[@]}" -v "$context/weights:/weights:ro" sam4ct weights verify
}
