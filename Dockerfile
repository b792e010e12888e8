# The image: kubecliff and what it loads, on nothing.
#
#   docker build --build-arg REVISION="$(git rev-parse --short=12 HEAD)" --tag kubecliff .
#
# --target simulate makes another, a Debian with the tools that write rules.
FROM docker.io/library/debian:bookworm-slim AS build
WORKDIR /source
COPY scripts/bootstrap scripts/
RUN scripts/bootstrap --build
COPY . .
ARG REVISION=unknown
RUN cmake --preset release -DKUBECLIFF_DEVELOPER=OFF -DKUBECLIFF_REVISION="$REVISION" \
      -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_SYSCONFDIR=/etc \
  && cmake --build --preset release \
  && DESTDIR=/install cmake --install build/release --strip \
  && cp --parents /usr/share/doc/libcli11-dev/copyright /usr/share/doc/libxxhash-dev/copyright \
    /usr/share/doc/nlohmann-json3-dev/copyright /install \
  && rm -r build

FROM docker.io/library/debian:bookworm-slim AS runtime
COPY scripts/bootstrap /source/scripts/
RUN /source/scripts/bootstrap --runtime && rm -r /var/lib/apt/lists/*

FROM runtime AS root
WORKDIR /source
COPY LICENSE scripts/image-root ./
COPY --from=build /install /
RUN ./image-root /image

FROM runtime AS simulate
RUN /source/scripts/bootstrap --simulate && rm -r /source /var/lib/apt/lists/*
COPY --from=build /install/usr/bin/kubecliff /usr/bin/
ENTRYPOINT ["/usr/bin/kubecliff"]

FROM scratch AS image
COPY --from=root /image /
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kubecliff" \
      org.opencontainers.image.description="Prometheus exporter for the iptables and conntrack cliffs of Kubernetes nodes" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="https://github.com/kubecliff/kubecliff" \
      org.opencontainers.image.documentation="https://github.com/kubecliff/kubecliff/blob/main/README.md" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"
USER 65534:65534
EXPOSE 9909
HEALTHCHECK --timeout=5s CMD ["/usr/bin/kubecliff", "healthcheck"]
ENTRYPOINT ["/usr/bin/kubecliff"]
