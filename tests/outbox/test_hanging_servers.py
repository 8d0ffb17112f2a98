"""A mail server that stops answering costs its time limit and no more, wherever it stops."""

import contextlib
import socket
import threading
import time

import pytest

from events_site.environment import mailers
from outbox import delivery
from outbox.models import Message, State

pytestmark = pytest.mark.django_db

LIMIT = 1


@contextlib.contextmanager
def server_that_stops_at(word):
    """A mail server that answers until it is told this word, and then keeps the line open and says nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    kept = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                client, _address = listening.accept()
                kept.append(client)
                threading.Thread(target=talk, args=(client,), daemon=True).start()

    def talk(client):
        with contextlib.suppress(OSError), client.makefile("rwb", buffering=0) as stream:
            if word == "greeting":
                stream.read()
            stream.write(b"220 ready\r\n")
            is_text = False
            for line in stream:
                said = "." if is_text and line == b".\r\n" else line[:4].decode().strip().upper()
                if is_text and said != ".":
                    continue
                if said == word:
                    stream.read()
                is_text = said == "DATA"
                stream.write(b"354 go on\r\n" if is_text else b"250 fine\r\n")

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}?timeout={LIMIT}"
    finally:
        for one in (listening, *kept):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.mark.parametrize(
    ("word", "state", "attempts"),
    [
        ("greeting", State.WAITING, 0),
        ("EHLO", State.WAITING, 1),
        ("MAIL", State.WAITING, 1),
        ("RCPT", State.WAITING, 1),
        ("DATA", State.WAITING, 1),
        (".", State.WAITING, 1),
        ("QUIT", State.SENT, 1),
    ],
)
def test_a_server_that_hangs_costs_its_time_limit(settings, word, state, attempts):
    message = Message.objects.create(
        key="a", recipient="ana@example.org", subject="S", text="Text\n"
    )
    with server_that_stops_at(word) as url:
        settings.MAILERS = mailers(url)
        begun = time.monotonic()
        delivery.deliver_due()
        took = time.monotonic() - begun
    message.refresh_from_db()
    assert (message.state, message.attempts) == (state, attempts)
    # The word that hangs, and at most the farewell that hangs as well.
    assert LIMIT * 0.9 < took < LIMIT * 2 + 1
