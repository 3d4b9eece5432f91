# Builds and runs Blackbar as a user without rights, in an image that holds little else.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
COPY rules rules
COPY benches benches
RUN cargo build --release --locked --bin blackbar
RUN install -D -m 0755 target/release/blackbar /out/usr/local/bin/blackbar
RUN install -d -m 0755 /out/etc/blackbar

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /
USER 65532:65532
EXPOSE 8443 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/blackbar", "health"]
ENTRYPOINT ["/usr/local/bin/blackbar"]
CMD ["serve", "--config", "/etc/blackbar/blackbar.toml"]
