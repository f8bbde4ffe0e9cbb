# The service as an image: docker build -t acetate .
# Needs ACETATE_DATABASE_URL and ACETATE_SECRET_KEY; docs/service.md lists the rest.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/acetate

COPY requirements/service.txt requirements/service.txt
RUN pip install --require-hashes -r requirements/service.txt

COPY alembic.ini ./
COPY alembic alembic
COPY acetate acetate
COPY app app

# Nothing is written into the image: a SQLite database lives in the volume.
RUN useradd --system --create-home --home-dir /srv/data acetate
USER acetate
ENV ACETATE_DATABASE_URL=sqlite:////srv/data/service.db
VOLUME /srv/data

EXPOSE 8400
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8400/health/ready', timeout=2)"]
CMD ["python", "-m", "app", "serve", "--host", "0.0.0.0", "--port", "8400"]
