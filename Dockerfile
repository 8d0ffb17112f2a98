# One image for web, worker and beat; docker-compose.yml gives each its command.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WEB_CONCURRENCY=2

WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin plenary

# Before the code, so that a change of code does not install again. Wheels only: no compiler is needed.
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt

COPY . .
# The key serves this one command and is kept nowhere. Static files belong to root, var, media and private to us.
RUN SECRET_KEY=for-collectstatic-only python manage.py collectstatic --noinput --verbosity 0 \
    && install --directory --owner plenary --group plenary var media private

USER 10001
ENV MEDIA_ROOT=/app/media
ENV PRIVATE_ROOT=/app/private
EXPOSE 8000

# Asks with the site's own name, as other names are refused.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python", "-c", "\
import os, urllib.parse, urllib.request; \
host = urllib.parse.urlsplit(os.environ.get('SITE_URL', '')).netloc or 'localhost'; \
urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:8000/live', headers={'Host': host}), timeout=4)"]

# The heartbeat file of a worker stands in memory: on a slow disk it would make gunicorn end healthy workers.
CMD ["gunicorn", "events_site.wsgi", "--bind", "0.0.0.0:8000", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
