# syntax=docker/dockerfile:1

FROM python:3.14-slim-trixie@sha256:f85c5697265c178cc6887276c55fe16cf3d14ca35c3df6a5eab3b360534a55d2 AS build
WORKDIR /src
COPY . .
RUN image/install /opt/helm-promoter

FROM python:3.14-slim-trixie@sha256:f85c5697265c178cc6887276c55fe16cf3d14ca35c3df6a5eab3b360534a55d2
# Debian keeps no old versions of a package, so that a pinned one would soon be gone.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git openssh-client \
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/* \
 && useradd --uid 65532 --user-group --home-dir /tmp --no-create-home --shell /usr/sbin/nologin helm-promoter
COPY --from=build /opt/helm-promoter /opt/helm-promoter
ENV PATH=/opt/helm-promoter/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="helm-promoter" \
      org.opencontainers.image.description="Carries the Helm chart versions that staging has proven to production, as pull requests, for Flux." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["helm-promoter"]
CMD ["--help"]
