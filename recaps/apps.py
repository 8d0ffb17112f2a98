"""The app of articles."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecapsConfig(AppConfig):
    name = "recaps"
    verbose_name = _("News and recaps")

    def ready(self) -> None:
        from recaps import newsletters

        newsletters.connect()
