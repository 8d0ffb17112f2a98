"""Every setting of Plenary, from the environment and safe by default. `.env.example` explains each variable."""

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from events_site.environment import celery_transport, kept_secret_key, mailers
from events_site.mail_environment import (
    anymail,
    bare_address,
    mail_provider,
    mailbox,
    reports_of,
    return_address,
)

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

# -- The site -------------------------------------------------------------------------------------
VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="") or kept_secret_key(VAR_DIR)
SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
if urlsplit(SITE_URL).scheme not in {"http", "https"} or not urlsplit(SITE_URL).hostname:
    raise ImproperlyConfigured(
        f"SITE_URL must be the full address of the site, as in https://events.example.org; it is {SITE_URL!r}."
    )
SITE_HOST = urlsplit(SITE_URL).hostname or ""
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[SITE_HOST, "localhost", "127.0.0.1"])
TRUSTED_PROXIES = [
    ipaddress.ip_network(network) for network in env.list("TRUSTED_PROXIES", default=[])
]

SITE_NAME = env("SITE_NAME", default="Probation Network")
SITE_TAGLINE = env("SITE_TAGLINE", default="Meet the people who do your work in another country")
SITE_INTRODUCTION = env(
    "SITE_INTRODUCTION",
    default="Workshops, expert meetings and conferences on probation across Europe, and what came of them.",
)
# Colours of links and buttons; each must reach 4.5:1 on the paper of its scheme (checked at start).
SITE_ACCENT = env("SITE_ACCENT", default="#a43e16")
SITE_ACCENT_DARK = env("SITE_ACCENT_DARK", default="#ff9a6b")
OPERATOR_EMAIL = env("OPERATOR_EMAIL", default="")

# -- Apps -----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "events_site",
    "recaps",
    "registrations",
    "events",
    "accounts",
    "outbox",
    "wagtail.snippets",
    "wagtail.images",
    "wagtail.documents",  # not used, but the frame asks for its addresses
    "wagtail.search",
    "accounts.users_app.UsersConfig",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",  # the search of Wagtail asks for it
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "events_site.proxies.TrustedProxies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "accounts.encodings.ZippedOnRequest",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.desk.DeskGate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "events_site.errors.HeldBackPages",
    "events_site.kept.KeptPages",
]

ROOT_URLCONF = "events_site.urls"
WSGI_APPLICATION = "events_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "events_site.context.site",
            ],
        },
    },
]

# -- Data -----------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'plenary.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # Seconds: a machine that vanished is noticed, instead of being waited for until the kernel gives up (hours).
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        **DATABASES["default"].get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default="")
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "plenary",
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    ),
    # Rendered public pages, in the memory of each process: no request waits for another program.
    "pages": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "pages",
        "OPTIONS": {"MAX_ENTRIES": 200},
    },
}

# -- Words and clocks -----------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env("TIME_ZONE", default="Europe/Amsterdam")
USE_TZ = True
FORMAT_MODULE_PATH = ["events_site.formats"]

# -- Files ----------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = env("MEDIA_ROOT", default=str(VAR_DIR / "media"))
# What people upload with their answers: no address serves this folder.
PRIVATE_ROOT = env("PRIVATE_ROOT", default=str(VAR_DIR / "private"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": PRIVATE_ROOT,
            "base_url": None,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = False

# -- People and doors -----------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.permissions.MembershipBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "wagtailadmin_login"
LOGIN_REDIRECT_URL = "wagtailadmin_home"

HTTPS = SITE_URL.startswith("https://")
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^live$", r"^ready$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_FAILURE_VIEW = "events_site.errors.csrf_failure"
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_HTTPONLY = False  # Wagtail's scripts read it
X_FRAME_OPTIONS = "DENY"  # events_site/urls.py lets the desk show previews in a frame
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
# Wagtail's frame writes style attributes; its inline scripts are in three widgets, which we replace by the
# browser's own (events_site/templates/wagtailadmin/widgets).
DESK_CSP: dict[str, list[str]] = {
    **SECURE_CSP,
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "frame-src": [CSP.SELF],
    "frame-ancestors": [CSP.SELF],
}

# -- Mail -----------------------------------------------------------------------------------------
MAILERS = mailers(env("EMAIL_URL", default=f"file://{VAR_DIR / 'mail'}"))
# The address alone: the name before it is the organiser's.
DEFAULT_FROM_EMAIL = bare_address(
    "DEFAULT_FROM_EMAIL", env("DEFAULT_FROM_EMAIL", default="events@plenary.example")
)
# Where mail comes back to: bounces@example.org takes in bounces+<message>@example.org. Empty: to the sender.
RETURN_ADDRESS = return_address(env("RETURN_ADDRESS", default=""))
RETURN_MAILBOX = mailbox(env("RETURN_MAILBOX_URL", default=""))
# Reports of a mail provider are taken only with this secret.
MAIL_PROVIDER = mail_provider(env("EMAIL_URL", default=""))
ANYMAIL = anymail(
    MAIL_PROVIDER,
    secret=env("ANYMAIL_WEBHOOK_SECRET", default=""),
    key=env("ANYMAIL_WEBHOOK_KEY", default=""),
)
MAIL_REPORTS = reports_of(MAIL_PROVIDER, ANYMAIL)
SERVER_EMAIL = OPERATOR_EMAIL or DEFAULT_FROM_EMAIL
# A claim older than this belongs to a worker that died; must exceed the mail server's time limit.
OUTBOX_CLAIM_SECONDS = env.int("OUTBOX_CLAIM_SECONDS", default=120)
OUTBOX_SWEEP_SECONDS = env.int("OUTBOX_SWEEP_SECONDS", default=60)
# The first pause of a message that the mail server refused for now; the next ones grow.
OUTBOX_PAUSE_SECONDS = env.int("OUTBOX_PAUSE_SECONDS", default=60)

# Somebody looks so often whether all is well (0: nobody); a worker or beat that noted no work for so long is silent.
WATCH_SECONDS = env.int("WATCH_SECONDS", default=60)
SILENT_SECONDS = env.int("SILENT_SECONDS", default=240)

# -- Registrations --------------------------------------------------------------------------------
HOLD_HOURS = env.int("HOLD_HOURS", default=24)
OFFER_HOURS = env.int("OFFER_HOURS", default=48)
# Edits of an event within so many seconds are told to its people as one change.
CHANGES_SETTLE_SECONDS = env.int("CHANGES_SETTLE_SECONDS", default=600)
# A form that is sent faster than this was not read by a person; 0 takes any.
FORM_SECONDS = env.int("FORM_SECONDS", default=2)
# Mails that forms may cause: to one mailbox (whatever its +tag) in an hour and in a day, and from one network in
# ten minutes, for registering and for each of the other forms.
MAILS_TO_A_MAILBOX = (env.int("MAILS_AN_HOUR", default=10), env.int("MAILS_A_DAY", default=30))
REGISTRATIONS_FROM_A_NETWORK = env.int("REGISTRATIONS_FROM_A_NETWORK", default=200)
REQUESTS_FROM_A_NETWORK = env.int("REQUESTS_FROM_A_NETWORK", default=30)
# In ten minutes; wrong addresses of such calendars count with the forms of a network.
FETCHES_OF_A_FEED = env.int("FETCHES_OF_A_FEED", default=60)

# -- Work behind the request ----------------------------------------------------------------------
# The table of messages is the truth, the broker only a bell (docs/architecture.md).
CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = celery_transport(REDIS_URL, VAR_DIR)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
# A worker that loses the broker goes on with the mail in its hands: ended in the middle, it would be sent again.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "send what is due": {
        "task": "outbox.tasks.sweep",
        "schedule": OUTBOX_SWEEP_SECONDS,
        "options": {"expires": OUTBOX_SWEEP_SECONDS},
    },
    "read what came back": {
        "task": "outbox.tasks.read_returns",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "forget old messages": {
        "task": "outbox.tasks.purge",
        "schedule": 24 * 60 * 60,
    },
    "post reminders": {
        "task": "registrations.tasks.post_reminders",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "write mailings": {
        "task": "registrations.tasks.write_mailings",
        "schedule": 15,
        "options": {"expires": 15},
    },
    "pass on lapsed seats": {
        "task": "registrations.tasks.expire_lapsed",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "open events to all": {
        "task": "registrations.tasks.open_to_all",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "write the newsletter": {
        "task": "recaps.tasks.write_newsletter",
        "schedule": 30,
        "options": {"expires": 30},
    },
    "follow the clocks of all zones": {
        "task": "events.tasks.keep_wall_times",
        "schedule": crontab(hour=3, minute=10),
    },
    "erase what has been kept long enough": {
        "task": "registrations.tasks.erase_due",
        "schedule": crontab(hour=3, minute=30),
    },
}

# -- The desk -------------------------------------------------------------------------------------
WAGTAIL_SITE_NAME = SITE_NAME
WAGTAILADMIN_BASE_URL = SITE_URL
WAGTAILADMIN_USER_LOGIN_FORM = "accounts.signin.SignInForm"
WAGTAIL_USER_TIME_ZONES = [TIME_ZONE]  # events have clocks of their own
WAGTAILADMIN_PERMITTED_LANGUAGES = LANGUAGES
WAGTAIL_PASSWORD_RESET_ENABLED = False
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = True
WAGTAIL_EMAIL_MANAGEMENT_ENABLED = False
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAILADMIN_RICH_TEXT_EDITORS = {"default": {"WIDGET": "events.inputs.TextArea"}}
WAGTAILADMIN_EXTERNAL_LINK_CONVERSION = "none"  # there are no pages to link to
WAGTAIL_WORKFLOW_ENABLED = False
WAGTAIL_USAGE_COUNT_ENABLED = False
WAGTAILADMIN_COMMENTS_ENABLED = False
WAGTAILADMIN_NOTIFICATION_USE_HTML = False
WAGTAILIMAGES_EXTENSIONS = ["gif", "jpg", "jpeg", "png", "webp", "avif"]
WAGTAILIMAGES_MAX_UPLOAD_SIZE = 10 * 1024 * 1024
WAGTAILIMAGES_MAX_IMAGE_PIXELS = 40_000_000

# -- The API --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "events_site.errors.api_exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Plenary",
    "DESCRIPTION": "Events of the network, and registering for them. No account is needed.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["events_site.api.only_ours"],
}

# -- Logs -----------------------------------------------------------------------------------------
# One handler, which blots out the secrets in addresses; Django's own handlers would not.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"discreet": {"()": "events_site.discreet_logs.Discreet"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["discreet"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": []},
        "django.server": {"handlers": [], "propagate": True},
        "django_tasks": {"level": "WARNING"},  # a line for each article that Wagtail indexes
    },
}
