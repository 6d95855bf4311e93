"""Field types of our own."""

from django.conf import settings
from django.db import models
from django.utils.functional import lazy


class Char32UUIDField(models.UUIDField):
    """A UUID as 32 hexadecimal digits on every database.

    MariaDB's `uuid` type refuses values whose version and variant bits do not follow RFC 9562. Some clients
    send such ids, and nearly every digest is such a value.
    """

    def db_type(self, connection):
        return "char(32)"

    def get_db_prep_value(self, value, connection, prepared=False):
        value = self.to_python(value)
        return value if value is None else value.hex

    def from_db_value(self, value, expression, connection):
        return self.to_python(value)


def question(name):
    """The question of the form that a field asks: of grade1 … grade3 or txt1 … txt3."""
    setting = "GRADE_LABELS" if name.startswith("grade") else "REMARK_PROMPTS"
    return getattr(settings, setting)[int(name[-1]) - 1]


class QuestionMixin:
    """A field that staff see by the question of the form, as the settings word it.

    The settings are read whenever the name is shown. Migrations keep the declared name: a question that is
    worded differently changes no table.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.declared_name = self.verbose_name

    def contribute_to_class(self, cls, name, *args, **kwargs):
        super().contribute_to_class(cls, name, *args, **kwargs)
        self.verbose_name = lazy(question, str)(name)

    def deconstruct(self):
        name, _path, args, kwargs = super().deconstruct()
        stock = next(base for base in type(self).__mro__ if base.__module__.startswith("django."))
        return name, f"django.db.models.{stock.__name__}", args, {**kwargs, "verbose_name": self.declared_name}


class GradeField(QuestionMixin, models.SmallIntegerField):
    """A grade. Its range is in the settings."""


class RemarkField(QuestionMixin, models.CharField):
    """A remark."""
