"""Takes the files that people send with their answers: a PDF or an image, known by its content, of bounded size."""

import warnings

import filetype
from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image

MOST_BYTES = 5 * 1024 * 1024
#: A picture of 20 kB can unfold to 169 megapixels.
MOST_PIXELS = 40_000_000
KINDS = {
    "application/pdf": "pdf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
}
ENDINGS = ".pdf,.png,.jpg,.jpeg,.webp,.gif"


class UploadField(forms.FileField):
    """A PDF or an image. The cleaned file has the ending of its kind as `ending`, whatever its name says."""

    widget = forms.FileInput(attrs={"accept": ENDINGS})
    default_error_messages = {
        "required": gettext_lazy("Choose a file."),
        "empty": gettext_lazy("The file is empty. Choose another."),
        "missing": gettext_lazy("The file did not arrive. Choose it again."),
        "invalid": gettext_lazy("The file did not arrive. Choose it again."),
        "max_length": gettext_lazy("The name of the file is too long. Give it a shorter one."),
    }

    def clean(self, data: object, initial: object = None) -> UploadedFile | None:
        upload = super().clean(data, initial)
        if isinstance(upload, UploadedFile):
            upload.ending = check(upload)  # type: ignore[attr-defined]
            return upload
        return None


def check(upload: UploadedFile) -> str:
    """Return the ending that fits the content of a file. Raises ValidationError for what is not taken."""
    if (upload.size or 0) > MOST_BYTES:
        raise forms.ValidationError(_("The file is larger than 5 MB. Choose a smaller one."))
    upload.seek(0)
    found = filetype.guess_mime(upload.read(8192))
    upload.seek(0)
    if found not in KINDS:
        raise forms.ValidationError(_("Choose a PDF or an image (PNG, JPEG, WebP or GIF)."))
    if found != "application/pdf":
        _check_picture(upload)
    return KINDS[found]


def _check_picture(upload: UploadedFile) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(upload, formats=["PNG", "JPEG", "WEBP", "GIF"])
            width, height = picture.size
            is_small = width * height <= MOST_PIXELS
            if is_small:
                picture.verify()
    except Exception as error:  # Pillow raises whatever a broken file runs into
        raise forms.ValidationError(
            _("The picture cannot be read. Save it anew, and choose it again.")
        ) from error
    finally:
        upload.seek(0)
    if not is_small:
        raise forms.ValidationError(
            _("The picture has too many pixels. Save a smaller one, and choose it again.")
        )
