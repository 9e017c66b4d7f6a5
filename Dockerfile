# One image for the three processes: docker run … bilby media | web | provisioning | db.migrate
#
# Runs as an ordinary user, on a read-only root: bytecode is compiled here. What goes in, .dockerignore lists.

FROM python:3.13-slim AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never PYTHONDONTWRITEBYTECODE=1
RUN apt-get update -q && apt-get install -qy --no-install-recommends binutils && pip install --no-cache-dir uv
WORKDIR /bilby
COPY pyproject.toml uv.lock ./
# Symbols for debuggers take much of what is installed.
ARG EXTRAS=""
RUN uv sync --frozen $EXTRAS --no-dev --no-group sandbox --no-cache \
    && find .venv -name '*.so*' -type f -exec strip --strip-unneeded {} +
COPY . .
RUN .venv/bin/python -m compileall -q -j 0 .

FROM python:3.13-slim
ENV PATH=/bilby/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bilby
WORKDIR /bilby
COPY --from=build /bilby /bilby
USER 10001:10001
EXPOSE 8080 8081
ENTRYPOINT ["python", "-m"]
CMD ["web"]
