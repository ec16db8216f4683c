# The service: page, REST API and models, without PyTorch.
#
#   docker build -t cellwright .
#   docker run --rm -v cells:/data cellwright serve --create-token "Ada" --data /data
#   docker run --rm -p 8642:8642 -v cells:/data cellwright

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/cellwright \
    && /opt/cellwright/bin/pip install --no-cache-dir --constraint constraints.txt ".[serve,postgresql]"

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="Cellwright" \
      org.opencontainers.image.description="Microscope images into counts. Research use only." \
      org.opencontainers.image.licenses="Apache-2.0"
# Who runs the service owns nothing but its data.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin cellwright \
    && install --directory --owner=cellwright --group=cellwright /data
COPY --from=build /opt/cellwright /opt/cellwright
ENV PATH=/opt/cellwright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8642
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8642/api/v1/ready', timeout=4)"]
ENTRYPOINT ["cellwright"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
