# sam4ct for GPUs with CUDA 12 (driver 525 or newer), with the published weights:
#
#   docker build -t sam4ct .
#
# For the CPU, with the compact weights only, a fraction of the size (ADDRESS: PyTorch's CPU index,
# as its installation page has it):
#
#   docker build -t sam4ct:cpu --build-arg VARIANT=cpu --build-arg WEIGHTS= \
#     --build-arg PYTORCH_INDEX=ADDRESS .
#
# `make image` and `make image-cpu` do the same and add the labels of version and revision.
# docs/container.md has every argument. Without a `syntax` line on purpose: BuildKit's own front end
# (Docker 20.10 and newer) is enough, and an offline build has no other.

# The digest is the one that the Docker Official Images publish of python:3.11-slim-bookworm
# (Python 3.11.16): github.com/docker-library/repo-info at 33a22f41ac7bf613bc03380b0317536a9a7fb5e8,
# repos/python/remote/3.11-slim-bookworm.md
ARG BASE_IMAGE=python:3.11.16-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b
# cuda or cpu
ARG VARIANT=cuda
# Weights in the image, beside the compact ones: each as NAME@sha256:HASH, for the labels say which
# they are. None, with `WEIGHTS=`.
ARG WEIGHTS="\
sam2.1-hiera-large@sha256:2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318 \
sam-med3d-turbo@sha256:899a46d04d3b70f723282ceb489149373558bf0aaba389a346f5ab57da5cdd3c"
# An image that holds wheels to be preferred to an index's, for builds without one.
ARG WHEELS_IMAGE=scratch

FROM ${WHEELS_IMAGE} AS wheels


FROM ${BASE_IMAGE} AS tools
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONHASHSEED=0 \
    SAM2_BUILD_CUDA=0
COPY requirements/build.lock requirements/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf,required=false \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt,required=false \
    python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-compile --no-deps --require-hashes -r requirements/build.lock


FROM tools AS packages-cuda
COPY requirements/cuda.lock requirements/
RUN --mount=type=bind,from=wheels,source=/,target=/wheels \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf,required=false \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt,required=false \
    /opt/venv/bin/pip install --no-compile --find-links /wheels --no-deps --require-hashes \
      --no-build-isolation -r requirements/cuda.lock


FROM tools AS packages-cpu
ARG PYTORCH_INDEX=
COPY requirements/torch-cpu.lock requirements/cpu.lock requirements/
# PyTorch by itself: only this one is to come from its own index.
RUN --mount=type=bind,from=wheels,source=/,target=/wheels \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf,required=false \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt,required=false \
    /opt/venv/bin/pip install --no-compile --find-links /wheels ${PYTORCH_INDEX:+--index-url "${PYTORCH_INDEX}"} \
      --no-deps --require-hashes -r requirements/torch-cpu.lock \
 || { echo "No CPU build of PyTorch: --build-arg PYTORCH_INDEX=ADDRESS names PyTorch's CPU index." >&2; exit 1; }
RUN --mount=type=bind,from=wheels,source=/,target=/wheels \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf,required=false \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt,required=false \
    /opt/venv/bin/pip install --no-compile --find-links /wheels --no-deps --require-hashes \
      --no-build-isolation -r requirements/cpu.lock


# hadolint ignore=DL3006
FROM packages-${VARIANT} AS packages
# sam4ct itself is to have a layer of its own, so that a new version is a small download.
# Byte code that depends neither on the time nor on chance, and one time for all files: the same
# packages are the same bytes whenever they are installed.
RUN echo /opt/sam4ct/lib >"$(/opt/venv/bin/python3 -c \
      'import sysconfig; print(sysconfig.get_path("purelib"))')/sam4ct.pth" \
 && find /opt/venv -name __pycache__ -prune -exec rm -r {} + \
 && /opt/venv/bin/python3 -m compileall -q -j 0 -x torch/testing/_internal \
      --invalidation-mode unchecked-hash /opt/venv \
 && find /opt/venv -exec touch --no-dereference --date=@0 {} +


FROM packages AS app
WORKDIR /build
COPY pyproject.toml README.md LICENSE NOTICE weights_manifest.json entrypoint.py ./
COPY dataset_profiles/ dataset_profiles/
COPY sam4ct/ sam4ct/
RUN /opt/venv/bin/pip install --no-compile --no-deps --no-index --no-build-isolation --target /opt/sam4ct/lib . \
 && sed -i '1s|$| -IB|' /opt/sam4ct/lib/bin/sam4ct \
 && cp entrypoint.py LICENSE NOTICE /opt/sam4ct/ \
 && /opt/venv/bin/python3 -m compileall -q \
      --invalidation-mode unchecked-hash /opt/sam4ct \
 && find /opt/sam4ct -exec touch --no-dereference --date=@0 {} +


FROM app AS weights
ARG WEIGHTS
# Asked before the addresses of weights_manifest.json.
ARG SAM4CT_WEIGHTS_MIRROR=
# Files in a folder `weights` beside this Dockerfile are taken instead of the network's. (The
# manifest has the same first letters; without it, COPY would fail where there is no such folder.)
COPY weights* /offline/
RUN --mount=type=cache,target=/var/cache/weights \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt,required=false \
    if [ -f /run/secrets/ca.crt ]; then export SSL_CERT_FILE=/run/secrets/ca.crt; fi \
 && fetch="/opt/sam4ct/lib/bin/sam4ct weights fetch" \
 && mkdir -p /opt/sam4ct/weights \
 && rm /offline/weights_manifest.json \
 && for name in ${WEIGHTS}; do \
      case "${name}" in *@sha256:*) ;; *) ${fetch} "${name}@sha256:"; esac \
   && if [ -n "$(ls -A /offline)" ]; then \
        ${fetch} "${name}" --from /offline --to /opt/sam4ct/weights; \
      else \
        ${fetch} "${name}" --to /var/cache/weights \
     && ${fetch} "${name}" --from /var/cache/weights --to /opt/sam4ct/weights; \
      fi \
   || exit 1; \
    done \
 && find /opt/sam4ct/weights -exec touch --date=@0 {} +


FROM ${BASE_IMAGE} AS runtime-cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM ${BASE_IMAGE} AS runtime-cpu
# No GPU is missed.
ENV SAM4CT_DEVICE=cpu


# hadolint ignore=DL3006
FROM runtime-${VARIANT} AS runtime
RUN mkdir -p /data /weights /opt/sam4ct \
 && chown 10001:10001 /data \
 && touch --date=@0 /data /weights /opt/sam4ct
COPY --from=packages /opt/venv /opt/venv
COPY --from=weights /opt/sam4ct/weights /opt/sam4ct/weights
COPY --from=app /opt/sam4ct /opt/sam4ct
# /weights is for a mount: what it holds comes before the image's own. LOGNAME and HOME: a user id
# without an entry in /etc/passwd has neither. PYTHONNOUSERSITE: Apptainer brings the user's home.
ENV PATH=/opt/sam4ct/lib/bin:/opt/venv/bin:$PATH \
    HOME=/tmp \
    LOGNAME=sam4ct \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1 \
    SAM4CT_WEIGHTS=/weights:/opt/sam4ct/weights
ARG WEIGHTS
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sam4ct" \
      org.opencontainers.image.description="Links cells over time in Cell Tracking Challenge folders with SAM 2" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      sam4ct.weights="${WEIGHTS}" \
      sam4ct.weights.included="\
compact-sam2@sha256:6827682f9085ae0d69bcbf0dd36ca5c6d49917575ba96481ac2b032f5bd41a1d \
compact-sam-med3d@sha256:9bc6527ac0ebab71fb78079dbbe1abf9de07c70eeed6d594523cbd2d5d2c9e63"
USER 10001:10001
WORKDIR /data
# Nothing from the outside decides which modules are loaded: neither PYTHON* variables, nor a user's
# site-packages, nor the current folder. Without arguments: every sequence below /data.
ENTRYPOINT ["/opt/venv/bin/python3", "-IB", "/opt/sam4ct/entrypoint.py"]
