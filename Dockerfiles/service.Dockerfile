# The image of one distribution of this workspace; hack/images has the table of them. By hand, from the root of the repository:
#
#   docker build -f Dockerfiles/service.Dockerfile --build-arg SERVICE=data-collector --build-arg MODULE=data_collector \
#     --build-arg FOLDER=services/data-collector --build-arg PACKAGES="--package tidewright-data-collector" --build-arg PORT=8001 .
#
# `--target program` leaves out what only a server has: its port and its health check.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# Certificates of a proxy and settings of package indexes come as secrets, so that no layer has them.
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
ARG PACKAGES
COPY pyproject.toml uv.lock ./
COPY ${FOLDER}/pyproject.toml ./${FOLDER}/
# Libraries of others: as the lock has them, with their hashes, and nothing that would have to be compiled.
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /tools/bin/uv sync --frozen --no-cache --no-default-groups --no-install-workspace --no-build ${PACKAGES} \
    # What nothing here imports: the libraries' own tests and headers, and Arrow's network protocol.
    && find /app/lib \( -path '*/tests' -o -path '*/numpy/_core/include' -o -path '*/pyarrow/include' \) -type d -prune -exec rm -rf {} + \
    && find /app/lib -path '*/pyarrow/*flight*' -delete

# Our own: built by the backend of tools.txt, installed without asking anybody.
COPY LICENSE README.md ./
COPY src src
COPY ${FOLDER}/README.md ${FOLDER}/LICENSE* ./${FOLDER}/
COPY ${FOLDER}/src ./${FOLDER}/src
RUN for folder in . "${FOLDER}"; do env -C "$folder" /tools/bin/hatchling build --target wheel --directory /build/wheels; done \
    && /tools/bin/uv pip install --no-cache --offline --no-deps --python /app wheels/*.whl \
    # uv's note of when that was is all that differs from one build to the next.
    && rm /app/lib/python3.11/site-packages/tidewright*.dist-info/uv_cache.json \
    && sed -i '/uv_cache.json/d' /app/lib/python3.11/site-packages/tidewright*.dist-info/RECORD

ARG MODULE
# Code that never looks at its source's date; what the image is made of; and the command.
RUN /app/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app/lib \
    && /tools/bin/cyclonedx-py environment /app/bin/python --pyproject "${FOLDER}/pyproject.toml" --output-reproducible \
      --output-format JSON --output-file /app/sbom.cdx.json \
    && printf '#!/bin/sh\nexec python -m %s "$@"\n' "${MODULE}" > /app/bin/service \
    && chmod 755 /app/bin/service

# Machine code, where there is a compiler for it.
COPY Dockerfiles/warm.py warm.py
COPY manifests/samples samples
RUN mkdir -p cache/tidewright/compiled \
    && if [ -d /app/lib/python3.11/site-packages/numba ]; then XDG_CACHE_HOME=/build/cache /app/bin/python warm.py samples; fi \
    && mv cache/tidewright/compiled /app/compiled

# The list of what is in the image: docker build --target sbom --output DIRECTORY
FROM scratch AS sbom
COPY --from=build /app/sbom.cdx.json /

FROM ${BASE} AS program
# What installs software is not needed to run it.
RUN for folder in /usr /usr/local; do rm -rf "$folder"/bin/pip* "$folder"/lib/python3.11/ensurepip "$folder"/share/python-wheels; done \
    && for folder in /usr/lib/python3/dist-packages /usr/local/lib/python3.11/site-packages; do \
      rm -rf "$folder"/pip* "$folder"/setuptools* "$folder"/wheel* "$folder"/pkg_resources "$folder"/*distutils*; done \
    # Libraries ask for the name of whoever runs them.
    && echo 'tidewright:x:65532:65532::/tmp:/usr/sbin/nologin' >> /etc/passwd && echo 'tidewright:x:65532:' >> /etc/group
COPY --from=build /app /app
ARG SERVICE
ARG PORT=0
ARG LICENSES=Apache-2.0
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="${SERVICE}" \
      org.opencontainers.image.description="Tidewright: ${SERVICE}" \
      org.opencontainers.image.licenses="${LICENSES}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
ENV HOME=/tmp \
    PATH=/app/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TIDEWRIGHT_COMPILED=/app/compiled
WORKDIR /work
USER 65532:65532
# No ENTRYPOINT: the arguments of a pod are a whole command.
CMD ["service"]

FROM program AS server
ARG PORT
ENV TIDEWRIGHT_REST_PORT=${PORT}
EXPOSE ${PORT}
# Docker's own; Kubernetes has the probes of its pods.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-m", "tidewright.serving.probe"]
