"""The entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application

from events_site.discreet_logs import hush_gunicorn

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "events_site.settings")

application = get_wsgi_application()
hush_gunicorn()
