"""The list of those who sign in at the desk, for administrators: Wagtail's views with forms that fit our users."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import AdminOnlyMenuItem
from wagtail.users.forms import UserCreationForm, UserEditForm
from wagtail.users.views.users import UserFilterSet, UserViewSet

from accounts.models import User

FIELDS = ["email", "first_name", "last_name", "is_superuser"]
ORDER = ["email", "first_name", "last_name", "password1", "password2", "is_superuser", "is_active"]


class OneAddressOnce:
    """A form that knows addresses whatever the case of their letters, as signing in does."""

    field_order = ORDER
    cleaned_data: dict[str, Any]
    instance: User

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Somebody signs in with this address already."))
        return email


class StaffCreationForm(OneAddressOnce, UserCreationForm):
    class Meta:
        model = User
        fields = FIELDS


class StaffEditForm(OneAddressOnce, UserEditForm):
    class Meta:
        model = User
        fields = [*FIELDS, "is_active"]


class StaffFilterSet(UserFilterSet):
    """Without Wagtail's groups: memberships say what people may do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.filters["group"]


class StaffViewSet(UserViewSet):
    menu_item_class = AdminOnlyMenuItem
    menu_hook = "register_network_menu_item"
    menu_order = 20
    add_to_settings_menu = False
    copy_view_enabled = False
    filterset_class = StaffFilterSet
    template_prefix = ""

    def get_form_class(self, for_update: bool = False) -> type[forms.ModelForm[User]]:
        return StaffEditForm if for_update else StaffCreationForm
