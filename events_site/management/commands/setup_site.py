"""`manage.py setup_site`: what every site begins with. It may be repeated at any time."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import jurisdictions
from accounts.models import Jurisdiction


class Command(BaseCommand):
    help = "Stores the list of countries and jurisdictions; changes nothing where it is there."

    def handle(self, *args: Any, **options: Any) -> None:
        written = jurisdictions.seed()
        total = Jurisdiction.objects.count()
        self.stdout.write(f"Jurisdictions: {total} in all, {written} of them new or renewed now.")
