# syntax=docker/dockerfile:1

# Wheels are made in a stage of their own, so that no build tool gets into the image that runs.
FROM python:3.11-slim-bookworm AS wheels
# The build environment of the wheel is constrained by the first name before pip 25.3 and by the second since.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_CONSTRAINT=/src/requirements.txt PIP_BUILD_CONSTRAINT=/src/requirements.txt
WORKDIR /src
COPY requirements.txt pyproject.toml README.md LICENSE ./
COPY service ./service
COPY plugins ./plugins
COPY state ./state
# requirements.txt pins every version; only what the wheel itself requires is fetched.
RUN pip wheel --wheel-dir /wheels .

FROM python:3.11-slim-bookworm AS install
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv --without-pip /opt/headrace
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip --python /opt/headrace/bin/python install --no-index --find-links /wheels headrace \
    && /opt/headrace/bin/python -m compileall -q /opt/headrace/lib

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="headrace" \
      org.opencontainers.image.description="Spark Structured Streaming for Kafka without a JVM" \
      org.opencontainers.image.licenses="Apache-2.0"
# PYTHONDONTWRITEBYTECODE: the root file system is read-only where this runs.
ENV PATH=/opt/headrace/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 headrace \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/headrace --shell /usr/sbin/nologin headrace \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/headrace
COPY --from=install /opt/headrace /opt/headrace
WORKDIR /var/lib/headrace
VOLUME ["/var/lib/headrace"]
EXPOSE 8080
USER 10001:10001
# Liveness only: a broker that is down does not make the container unhealthy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["headrace"]
CMD ["run", "/etc/headrace/pipeline.yaml", "--http", "0.0.0.0:8080", "--log-format", "json", "--set", "checkpoint.location=/var/lib/headrace/checkpoints"]
