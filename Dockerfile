# One image for the three processes: docker run … bilby media | web | provisioning | db.migrate
#
# Runs as an ordinary user, on a read-only root, without a writable path: bytecode is compiled here.

FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv
WORKDIR /bilby
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-group sandbox
COPY media ./media
COPY web ./web
COPY provisioning ./provisioning
COPY db ./db
COPY runtime ./runtime
RUN .venv/bin/python -m compileall -q media web provisioning db runtime

FROM python:3.13-slim
ENV PATH=/bilby/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bilby
WORKDIR /bilby
COPY --from=build /bilby /bilby
USER 10001:10001
EXPOSE 8080 8081
ENTRYPOINT ["python", "-m"]
CMD ["web"]
