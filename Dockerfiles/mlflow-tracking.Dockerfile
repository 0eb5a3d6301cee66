# MLflow's tracking server, from the lock beside this file. Its settings are MLflow's own: MLFLOW_BACKEND_STORE_URI=postgresql://..., MLFLOW_ARTIFACTS_DESTINATION=...
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# As in service.Dockerfile.
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/app \
    UV_PYTHON_DOWNLOADS=never \
    UV_PYTHON_PREFERENCE=only-system
WORKDIR /build
COPY Dockerfiles/tools.txt tools.txt
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /tools && /tools/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r tools.txt

ARG FOLDER
COPY ${FOLDER}/pyproject.toml ${FOLDER}/uv.lock ./
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /tools/bin/uv sync --frozen --no-cache --no-install-project --no-build \
    && find /app/lib -path '*/tests' -type d -prune -exec rm -rf {} + \
    && find /app/lib -path '*/pyarrow/*flight*' -delete

ARG MODULE
RUN /app/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app/lib \
    && /tools/bin/cyclonedx-py environment /app/bin/python --pyproject pyproject.toml --output-reproducible \
      --output-format JSON --output-file /app/sbom.cdx.json \
    && printf '#!/bin/sh\nexec python -m %s "$@"\n' "${MODULE}" > /app/bin/service \
    && chmod 755 /app/bin/service

FROM scratch AS sbom
COPY --from=build /app/sbom.cdx.json /

FROM ${BASE} AS server
RUN for folder in /usr /usr/local; do rm -rf "$folder"/bin/pip* "$folder"/lib/python3.11/ensurepip "$folder"/share/python-wheels; done \
    && for folder in /usr/lib/python3/dist-packages /usr/local/lib/python3.11/site-packages; do \
      rm -rf "$folder"/pip* "$folder"/setuptools* "$folder"/wheel* "$folder"/pkg_resources "$folder"/*distutils*; done \
    # Libraries ask for the name of whoever runs them.
    && echo 'tidewright:x:65532:65532::/tmp:/usr/sbin/nologin' >> /etc/passwd && echo 'tidewright:x:65532:' >> /etc/group
COPY --from=build /app /app
ARG SERVICE
ARG PORT
ARG LICENSES=Apache-2.0
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="${SERVICE}" \
      org.opencontainers.image.description="Tidewright: ${SERVICE}" \
      org.opencontainers.image.licenses="${LICENSES}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
ENV HOME=/tmp \
    MLFLOW_HOST=0.0.0.0 \
    MLFLOW_PORT=${PORT} \
    PATH=/app/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /work
USER 65532:65532
EXPOSE ${PORT}
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as ask; ask.urlopen(f'http://127.0.0.1:{os.environ[\"MLFLOW_PORT\"]}/health', timeout=4)"]
CMD ["service", "server"]
