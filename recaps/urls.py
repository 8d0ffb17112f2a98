"""The addresses of articles."""

from django.urls import path

from recaps import views

urlpatterns = [
    path("news/", views.news, name="news"),
    path("news/<slug:slug>/", views.article, name="article"),
]
