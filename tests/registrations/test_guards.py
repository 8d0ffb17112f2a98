"""Programs and floods are held back, people and offices are not."""

from datetime import timedelta

import pytest
from django import forms
from django.core.cache import cache
from django.http import QueryDict
from django.test import RequestFactory
from django.utils import timezone

from accounts.networks import network_of
from registrations import guards
from registrations.guards import HeldBack

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOON, tick=False)
    return time_machine


class Form(guards.GuardedForm, forms.Form):
    word = forms.CharField()


def sent(*, opened=None, homepage="", **more):
    data = QueryDict(mutable=True)
    data.update({"word": "text", "homepage": homepage, **more})
    if opened is not None:
        data["opened"] = opened
    return Form(data)


def request(address="192.0.2.7"):
    return RequestFactory().post("/", REMOTE_ADDR=address)


@pytest.fixture
def cache_is_away(settings):
    settings.CACHES = settings.CACHES | {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }


# -- Networks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_address_is_counted_with_its_network(address, network):
    assert network_of(address) == network


# -- The time trap and the hidden field ---------------------------------------------------------------------------


def test_a_form_that_is_sent_at_once_is_shown_again_and_then_let_through(settings, clock):
    settings.FORM_SECONDS = 2
    form = sent(opened=guards.stamp())
    assert guards.is_held_back(form)
    assert form.data["word"] == "text"
    clock.shift(timedelta(seconds=2))
    again = sent(opened=form.data["opened"])
    assert not guards.is_held_back(again)


@pytest.mark.parametrize("opened", [None, "", "rubbish", "MTY:1abc:xyz"])
def test_a_form_without_a_time_of_ours_is_shown_again_with_one(settings, clock, opened):
    settings.FORM_SECONDS = 2
    form = sent(opened=opened)
    assert guards.is_held_back(form)
    clock.shift(timedelta(seconds=2))
    assert not guards.is_held_back(sent(opened=form.data["opened"]))


def test_a_form_may_lie_open_for_days(settings, clock):
    settings.FORM_SECONDS = 2
    opened = guards.stamp()
    clock.shift(timedelta(days=3))
    assert not guards.is_held_back(sent(opened=opened))


def test_no_seconds_switch_the_time_trap_off(settings):
    settings.FORM_SECONDS = 0
    assert not guards.is_held_back(sent(opened=guards.stamp()))
    assert not guards.is_held_back(sent())


@pytest.mark.parametrize("seconds", [0, 2])
def test_whoever_fills_in_the_hidden_field_is_shown_the_form_again(settings, clock, seconds):
    settings.FORM_SECONDS = seconds
    opened = guards.stamp()
    clock.shift(timedelta(minutes=1))
    form = sent(opened=opened, homepage="https://pills.example")
    assert guards.is_held_back(form)
    assert (form.data["word"], form.data["homepage"]) == ("text", "")


# -- Limits for a network -----------------------------------------------------------------------------------------


def test_so_many_register_from_a_network_in_ten_minutes(settings, clock):
    settings.REGISTRATIONS_FROM_A_NETWORK = 3
    guards.count_registration(request(), people=2)
    guards.count_registration(request())
    clock.shift(timedelta(minutes=4))
    with pytest.raises(HeldBack) as held:
        guards.count_registration(request())
    assert (held.value.is_too_much, held.value.retry_after) == (True, 360)
    guards.count_registration(request("192.0.2.8"))
    clock.shift(timedelta(minutes=6))
    guards.count_registration(request())


def test_the_addresses_of_one_subscriber_are_one_network(settings):
    settings.REQUESTS_FROM_A_NETWORK = 1
    guards.count_request(request("2001:db8::1"), form="my-link")
    with pytest.raises(HeldBack):
        guards.count_request(request("2001:db8::2"), form="my-link")


def test_each_form_is_counted_by_itself(settings):
    settings.REQUESTS_FROM_A_NETWORK = settings.REGISTRATIONS_FROM_A_NETWORK = 1
    guards.count_request(request(), form="my-link")
    guards.count_request(request(), form="notice")
    guards.count_registration(request())
    with pytest.raises(HeldBack):
        guards.count_request(request(), form="notice")


def test_what_is_counted_tells_no_address(settings):
    guards.count_registration(request())
    assert "192.0.2.7" not in str(cache._cache)


def test_while_the_cache_is_away_registering_goes_on_and_other_forms_wait(cache_is_away, caplog):
    guards.count_registration(request())
    with pytest.raises(HeldBack) as held:
        guards.count_request(request(), form="my-link")
    assert (held.value.is_too_much, held.value.retry_after) == (False, 60)
    assert caplog.text.count("Requests cannot be counted") == 2
