"""The addresses of articles and of the newsletter."""

from django.urls import path

from recaps import newsletter_pages, views

urlpatterns = [
    path("news/", views.news, name="news"),
    path("news/<slug:slug>/", views.article, name="article"),
    path("newsletter/", newsletter_pages.newsletter, name="newsletter"),
    path("newsletter/sent/", newsletter_pages.newsletter_sent, name="newsletter_sent"),
    path(
        "newsletter/confirm/<str:token>/",
        newsletter_pages.newsletter_confirm,
        name="newsletter_confirm",
    ),
    path(
        "newsletter/preferences/<str:token>/",
        newsletter_pages.newsletter_preferences,
        name="newsletter_preferences",
    ),
]
