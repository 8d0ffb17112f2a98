"""The real settings, with two plain views beside the real addresses to measure against."""

from events_site.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
