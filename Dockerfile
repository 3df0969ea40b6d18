# Works on the public base image and on the one that scripts/image.sh makes of Debian's own packages.
FROM python:3.11-slim-bookworm AS builder

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /src
RUN python3 -m venv /opt/build && python3 -m venv /opt/statusbridge

# Behind a private certificate authority: `--secret id=ca_bundle,src=FILE`. It is there for this line only.
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    if [ -s /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi \
    && /opt/build/bin/pip install --quiet --no-deps --require-hashes --requirement requirements/build.txt \
    && /opt/statusbridge/bin/pip install --quiet --no-deps --require-hashes --requirement requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY bridge bridge
COPY plugins plugins
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/statusbridge/bin/pip install --quiet --no-deps --no-index --find-links /wheel statusbridge \
    && /opt/statusbridge/bin/pip uninstall --quiet --yes pip setuptools


FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="statusbridge" \
      org.opencontainers.image.licenses="MIT"

RUN groupadd --system --gid 10001 statusbridge \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/statusbridge \
        --shell /usr/sbin/nologin statusbridge \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/statusbridge \
    && install --directory /etc/statusbridge \
    && ln -s /var/lib/statusbridge /etc/statusbridge/var

COPY --from=builder /opt/statusbridge /opt/statusbridge

# HEALTH_URL follows `listen` in [web], if that isn't 127.0.0.1:8080.
ENV PATH=/opt/statusbridge/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HEALTH_URL=http://127.0.0.1:8080/healthz

# The store's default place, var/ beside the configuration, leads here; where all of /etc/statusbridge is mounted, name
# /var/lib/statusbridge in [store]. Nothing else is written to, so the root file system may be read-only.
WORKDIR /var/lib/statusbridge
VOLUME ["/var/lib/statusbridge"]
USER 10001:10001

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['HEALTH_URL'], timeout=4)"]

ENTRYPOINT ["statusbridge", "--config", "/etc/statusbridge/config.toml"]
CMD ["run"]
