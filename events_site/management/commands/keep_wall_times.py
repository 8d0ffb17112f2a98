"""`manage.py keep_wall_times`: run after an update of the time zones, with the processes started anew."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from events import clocks


class Command(BaseCommand):
    help = (
        "Moves events that lie ahead to the instants that their wall times have by the rules of their zones as they are"
        " now installed. Run it after an update of the time zones; the beat does the same once a day."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        moved = clocks.keep_wall_times(timezone.now())
        self.stdout.write(f"Events moved: {moved}")
