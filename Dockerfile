# syntax=docker/dockerfile:1
# The sidecar, the webhook and `sidecar redirect` in one image, of two sizes:
#
#   docker build --target light -t model-sidecar:light .    runs, scores and watches; fits nothing itself
#   docker build --target full  -t model-sidecar:full .     learns baselines from traffic, too (the default)
#
# For a release give the base by its digest: --build-arg BASE=docker.io/library/debian:12-slim@sha256:...
# Runs as user 9700 with a read-only root, given a writable /run/sidecar (an emptyDir or a tmpfs). No compiler, no
# pip, no apt, no cache; of a shell's tools only sh and sleep. /opt/sidecar/sbom.json is its CycloneDX bill of
# materials. Nothing here but Debian's python3, as its packages have it: see scripts/rootfs.
ARG BASE=docker.io/library/debian:12-slim

# -- what every target starts from: an interpreter, and what `sidecar redirect` calls ----------------------
FROM ${BASE} AS debian
# Debian's own security updates decide the versions; the digest of BASE decides everything else.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-minimal libpython3-stdlib iptables ca-certificates tzdata \
 && rm -rf /var/lib/apt/lists/*
COPY scripts/rootfs /tmp/rootfs
RUN /tmp/rootfs /rootfs

# -- everything that is installed, exactly as locked ---------------------------------------------------
FROM debian AS build
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv binutils \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements requirements
COPY scripts/slim scripts/sbom scripts/

# -- the sidecar itself, what every call passes through as machine code: see setup.py --------------------
FROM build AS wheel
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/dev.txt
COPY pyproject.toml setup.py README.md LICENSE ./
COPY sidecar sidecar
RUN COMPILE_SIDECAR=1 /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM build AS build-light
RUN python3 -m venv /opt/sidecar \
 && /opt/sidecar/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements/base.txt \
 && sed -n '/^\(cryptography\|cffi\|pycparser\|fsspec\)==/,/[^\\]$/p' requirements/all.txt >requirements/webhook.txt \
 && /opt/sidecar/bin/pip install --no-cache-dir --no-compile --require-hashes --no-deps -r requirements/webhook.txt
COPY --from=wheel /wheels /wheels
RUN /opt/sidecar/bin/pip install --no-cache-dir --no-compile --no-deps --no-index /wheels/*.whl \
 && scripts/sbom /opt/sidecar >/opt/sidecar/sbom.json && scripts/slim /opt/sidecar

FROM build AS build-full
RUN python3 -m venv /opt/sidecar \
 && /opt/sidecar/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements/all.txt
COPY --from=wheel /wheels /wheels
RUN /opt/sidecar/bin/pip install --no-cache-dir --no-compile --no-deps --no-index /wheels/*.whl \
 && scripts/sbom /opt/sidecar >/opt/sidecar/sbom.json && scripts/slim /opt/sidecar

# -- what runs -----------------------------------------------------------------------------------------
FROM scratch AS runtime
COPY --from=debian /rootfs /
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="model-sidecar" \
      org.opencontainers.image.description="Observability sidecar for machine-learned models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/sidecar/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/run/sidecar \
    TMPDIR=/run/sidecar \
    NUMBA_CACHE_DIR=/run/sidecar \
    MPLCONFIGDIR=/run/sidecar
USER 9700:9700
WORKDIR /run/sidecar
EXPOSE 9700 9702
# Of `sidecar run` with its admin address where it is by default; Kubernetes has probes of its own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9702/healthz', timeout=2)"]
ENTRYPOINT ["sidecar"]
CMD ["--help"]

FROM runtime AS light
COPY --from=build-light /opt/sidecar /opt/sidecar

FROM runtime AS full
COPY --from=build-full /opt/sidecar /opt/sidecar
