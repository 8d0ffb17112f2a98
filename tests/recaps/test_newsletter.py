"""The newsletter: nobody gets it who did not press the button, everybody can leave, nobody gets an issue twice."""

import re
from datetime import timedelta
from threading import Event
from time import sleep

import pytest
from django.core import mail
from django.utils import timezone

from outbox import delivery, lists
from outbox.models import Lane, Message, State, Suppression, Unsubscription
from recaps import newsletter_desk, newsletters
from recaps.models import Issue, IssueState, Subscriber
from recaps.newsletters import RefusedIssue, Wish
from registrations import erasure, privacy
from tests.factories import ArticleFactory, EventFactory, TopicFactory
from tests.threads import at_once

pytestmark = pytest.mark.django_db

FORM = {"email": "ana@example.org"}


def link_in(text: str) -> str:
    """The path of the first link of ours behind a secret."""
    return re.search(r"http://events\.plenary\.test(/newsletter/\S+)", text)[1]


def reader(n: int = 1, *topics) -> Subscriber:
    return newsletters.subscribe(Wish(f"reader{n}@example.org", [topic.pk for topic in topics]))


def issue_with(*articles, events=(), **fields) -> Issue:
    made = Issue.objects.create(**{"subject": "Autumn", "introduction": "Good day"} | fields)
    made.articles.set(articles)
    made.events.set(events)
    return made


def written(issue: Issue) -> list[Message]:
    return list(Message.objects.filter(batch=issue.batch).order_by("recipient"))


def test_subscribing_takes_a_press_behind_the_mailed_link(client):
    topic = TopicFactory()
    answer = client.post("/newsletter/", FORM | {"topics": [topic.pk]})
    assert (answer.status_code, answer["Location"]) == (302, "/newsletter/sent/")
    [asked] = Message.objects.all()
    link = link_in(asked.text)
    assert client.get(link).status_code == 200
    assert not Subscriber.objects.exists()

    pressed = client.post(link, follow=True)

    assert "You are subscribed." in pressed.text
    subscriber = Subscriber.objects.get()
    assert subscriber.email == "ana@example.org"
    assert list(subscriber.topics.all()) == [topic]


def test_a_known_address_gets_the_same_page_and_the_same_mail(client):
    newsletters.subscribe(Wish("ana@example.org"))
    known = client.post("/newsletter/", FORM, follow=True)
    unknown = client.post("/newsletter/", {"email": "bo@example.org"}, follow=True)
    assert known.content == unknown.content
    first, second = Message.objects.order_by("pk")
    assert first.subject == second.subject


def test_a_form_sent_ten_times_sends_one_mail(client):
    for _n in range(10):
        client.post("/newsletter/", FORM)
    assert Message.objects.count() == 1


def test_a_form_without_an_address_says_what_to_do(client):
    answer = client.post("/newsletter/", {"email": ""})
    assert answer.status_code == 422
    assert "Enter your e-mail address." in answer.text
    assert "<title>Error:" in answer.text


def test_a_link_is_good_for_a_week(client, time_machine):
    client.post("/newsletter/", FORM)
    link = link_in(Message.objects.get().text)
    time_machine.move_to(timezone.now() + timedelta(days=8))
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410
    assert not Subscriber.objects.exists()


def test_links_cannot_be_swapped_between_purposes(client):
    client.post("/newsletter/", FORM)
    token = link_in(Message.objects.get().text).split("/")[-2]
    assert client.get(f"/newsletter/preferences/{token}/").status_code == 404
    preferences = newsletters.preferences_path(reader()).split("/")[-2]
    assert client.post(f"/newsletter/confirm/{preferences}/").status_code == 404


def test_topics_are_changed_behind_ones_own_link(client):
    topic = TopicFactory()
    subscriber = reader()
    path = newsletters.preferences_path(subscriber)
    answer = client.post(path, {"topics": [topic.pk]}, follow=True)
    assert "Your topics are saved." in answer.text
    assert list(subscriber.topics.all()) == [topic]
    client.post(path, {})
    assert not subscriber.topics.exists()


def test_whoever_chose_a_topic_that_is_gone_does_not_get_all(client):
    topic = TopicFactory()
    subscriber = reader(1, topic)
    link = newsletters.token_of(Wish("reader2@example.org", [topic.pk]))
    topic.delete()
    late = newsletters.subscribe(newsletters.read_wish(link))
    issue = issue_with(ArticleFactory())
    newsletters.send(issue)
    newsletters.write_due()
    assert written(issue) == []
    assert "not there any more" in client.get(newsletters.preferences_path(late)).text
    client.post(newsletters.preferences_path(subscriber), {})
    assert Subscriber.objects.get(pk=subscriber.pk).wants_all


def test_a_press_behind_the_mailed_link_shows_that_the_address_works(client):
    Suppression.objects.create(address="reader1@example.org", hard_bounces=3)
    client.post(f"/newsletter/confirm/{newsletters.token_of(Wish('Reader1@example.org'))}/")
    assert not Suppression.objects.exists()


def test_an_issue_that_cannot_be_written_holds_up_no_other(monkeypatch, caplog):
    reader()
    issues = [issue_with(ArticleFactory()) for _n in range(2)]
    for one in issues:
        newsletters.send(one)
    post_all = newsletters.post_all

    def post(messages):
        if messages[0].batch == issues[0].batch:
            raise OSError("The table is broken.")
        return post_all(messages)

    monkeypatch.setattr(newsletters, "post_all", post)
    assert newsletters.write_due() is False
    assert [len(written(one)) for one in issues] == [0, 1]
    assert f"Issue {issues[0].pk} of the newsletter cannot be written." in caplog.text


@pytest.mark.django_db(transaction=True)
def test_an_issue_that_is_edited_while_it_is_sent_stays_sent(admin_client, monkeypatch):
    reader()
    issue = issue_with(article := ArticleFactory())
    saved, form_save = Event(), newsletter_desk.IssueForm.save

    def slow_save(form):
        saved.set()
        sleep(0.5)
        return form_save(form)

    def send():
        saved.wait(10)
        newsletters.send(Issue.objects.get(pk=issue.pk))

    def edit():
        path = f"/desk/newsletter/{issue.pk}/edit/"
        return admin_client.post(path, {"subject": "Winter", "articles": [article.pk]})

    monkeypatch.setattr(newsletter_desk.IssueForm, "save", slow_save)
    results = at_once([edit, send])
    assert not [one for one in results if isinstance(one, Exception)]
    issue.refresh_from_db()
    assert (issue.state, issue.subject) == (IssueState.SENDING, "Winter")
    assert edit().status_code == 404


@pytest.mark.django_db(transaction=True)
def test_whoever_is_erased_while_an_issue_is_written_gets_none(monkeypatch):
    reader(1), reader(2)
    issue = issue_with(ArticleFactory())
    newsletters.send(issue)
    writing, post_all = Event(), newsletters.post_all

    def slow_post_all(messages):
        writing.set()
        sleep(0.5)
        return post_all(messages)

    def erase():
        writing.wait(10)
        erasure.erase_address("reader1@example.org")

    monkeypatch.setattr(newsletters, "post_all", slow_post_all)
    results = at_once([newsletters.write_due, erase])
    assert not [one for one in results if isinstance(one, Exception)]
    assert [one.recipient for one in written(issue)] == ["", "reader2@example.org"]
    assert written(issue)[0].state == State.STOPPED


def test_leaving_forgets_the_address_and_stops_what_waits(client):
    subscriber = reader()
    issue = issue_with(ArticleFactory())
    newsletters.send(issue)
    newsletters.write_due()

    answer = client.post(newsletters.preferences_path(subscriber), {"leave": "yes"}, follow=True)

    assert "You get no newsletter" in answer.text
    assert not Subscriber.objects.exists()
    assert [one.state for one in written(issue)] == [State.STOPPED]
    assert delivery.deliver_due() == 0


def test_whoever_leaves_by_the_mail_program_gets_no_issue_and_is_forgotten():
    reader(1), reader(2)
    issue = issue_with(ArticleFactory())
    newsletters.send(issue)
    newsletters.write_due()
    lists.leave("reader1@example.org", lists.NEWSLETTER)
    assert [one.email for one in Subscriber.objects.all()] == ["reader2@example.org"]
    assert [one.state for one in written(issue)] == [State.STOPPED, State.WAITING]


def test_whoever_left_by_mistake_is_taken_back():
    lists.leave(reader().email, lists.NEWSLETTER)
    lists.join("reader1@example.org", lists.NEWSLETTER)
    assert Subscriber.objects.get().email == "reader1@example.org"


def test_subscribing_again_after_leaving_counts():
    newsletters.leave(reader())
    assert Unsubscription.objects.count() == 1
    reader()
    assert Subscriber.objects.count() == 1
    assert not Unsubscription.objects.exists()


def test_an_issue_goes_to_each_reader_once_in_the_slow_lane():
    readers = [reader(n) for n in range(3)]
    issue = issue_with(ArticleFactory(title="What we learned"))
    newsletters.send(issue)
    assert newsletters.write_due() is False
    assert newsletters.write_due() is False

    messages = written(issue)

    assert [one.recipient for one in messages] == [one.email for one in readers]
    assert {(one.lane, one.list_name) for one in messages} == {(Lane.SLOW, lists.NEWSLETTER)}
    assert all("What we learned" in one.text and "What we learned" in one.html for one in messages)
    issue.refresh_from_db()
    assert issue.state == IssueState.SENT
    assert delivery.deliver_due() == 3
    assert mail.outbox[0].subject == "Probation Network: Autumn"


def test_readers_get_what_is_on_their_topics():
    prison, courts = TopicFactory(), TopicFactory()
    on_prison, on_courts = ArticleFactory(title="Prison"), ArticleFactory(title="Courts")
    on_prison.topics.add(prison), on_prison.save()
    on_courts.topics.add(courts), on_courts.save()
    reader(1), reader(2, prison), reader(3, TopicFactory())
    issue = issue_with(on_prison, on_courts)
    newsletters.send(issue)
    newsletters.write_due()
    everything, some = written(issue)
    assert ("Prison" in everything.text, "Courts" in everything.text) == (True, True)
    assert ("Prison" in some.text, "Courts" in some.text) == (True, False)


def test_an_issue_names_no_draft_and_no_event_that_is_over_or_cancelled():
    reader()
    draft = ArticleFactory(title="Not yet", live=False)
    ahead, off = EventFactory(title="Coming"), EventFactory(title="Called off", status="cancelled")
    issue = issue_with(draft, events=[ahead, off])
    newsletters.send(issue)
    newsletters.write_due()
    [message] = written(issue)
    assert "Coming" in message.text
    assert "Not yet" not in message.text
    assert "Called off" not in message.text


def test_an_empty_issue_is_refused():
    with pytest.raises(RefusedIssue, match="at least one article"):
        newsletters.send(issue_with())


def test_an_issue_is_sent_once_however_often_the_button_is_pressed():
    issue = issue_with(ArticleFactory())
    newsletters.send(issue)
    with pytest.raises(RefusedIssue, match="already"):
        newsletters.send(issue)


def test_whoever_subscribes_after_the_send_waits_for_the_next_issue():
    issue = issue_with(ArticleFactory())
    newsletters.send(issue)
    reader()
    newsletters.write_due()
    assert written(issue) == []


def test_an_issue_is_stopped_in_the_middle(monkeypatch):
    monkeypatch.setattr(newsletters, "CHUNK", 2)
    for n in range(5):
        reader(n)
    issue = issue_with(ArticleFactory())
    newsletters.send(issue)
    newsletters.write_due(seconds=0)
    newsletters._write_chunk(Issue.objects.get())

    assert newsletters.stop(issue) == 2

    assert newsletters.write_due() is False
    assert {one.state for one in written(issue)} == {State.STOPPED}
    assert delivery.deliver_due() == 0


@pytest.mark.django_db(transaction=True)
def test_four_workers_write_each_reader_once(monkeypatch):
    monkeypatch.setattr(newsletters, "CHUNK", 3)
    for n in range(20):
        reader(n)
    issue = issue_with(ArticleFactory())
    newsletters.send(issue)
    at_once([newsletters.write_due] * 4)
    newsletters.write_due()
    assert len(written(issue)) == 20
    assert Issue.objects.get().state == IssueState.SENT


@pytest.mark.parametrize("readers", [1, 60])
def test_a_chunk_takes_the_same_number_of_queries_for_any_number_of_readers(
    readers, django_assert_num_queries
):
    topic = TopicFactory()
    for n in range(readers):
        reader(n, topic)
    article = ArticleFactory()
    article.topics.add(topic), article.save()
    issue = issue_with(article, events=[EventFactory()])
    newsletters.send(issue)
    issue.refresh_from_db()
    with django_assert_num_queries(11):
        newsletters._write_chunk(issue)
    assert len(written(issue)) == readers


def test_administrators_compose_preview_test_send_and_stop(admin_client, admin_user):
    article = ArticleFactory(title="What we learned")
    reader()
    answer = admin_client.post(
        "/desk/newsletter/new/", {"subject": "Autumn", "articles": [article.pk]}, follow=True
    )
    issue = Issue.objects.get()
    assert answer.redirect_chain[-1][0] == f"/desk/newsletter/{issue.pk}/"
    assert "What we learned" in answer.text
    admin_client.post(f"/desk/newsletter/{issue.pk}/test/")
    assert Message.objects.get().recipient == admin_user.email
    asked = admin_client.get(f"/desk/newsletter/{issue.pk}/send/")
    assert "It goes to 1 reader;" in asked.text
    admin_client.post(f"/desk/newsletter/{issue.pk}/send/")
    newsletters.write_due()
    admin_client.post(f"/desk/newsletter/{issue.pk}/stop/")
    issue.refresh_from_db()
    assert issue.state == IssueState.STOPPED
    assert admin_client.get("/desk/newsletter/").status_code == 200
    assert admin_client.get(f"/desk/newsletter/{issue.pk}/edit/").status_code == 404


def test_a_reader_is_handed_over_and_erased_with_all_else_on_the_address():
    reader(1, TopicFactory(name="Prison"))
    handed = privacy.export("READER1@example.org")["newsletter"]
    assert set(handed) == set(privacy.KEPT["newsletter"])
    assert handed["topics"] == ["Prison"]
    assert privacy.is_known("reader1@example.org")

    erasure.erase_address("reader1@example.org")

    assert not Subscriber.objects.exists()
    assert not Unsubscription.objects.exists()
    assert privacy.export("reader1@example.org")["newsletter"] is None
