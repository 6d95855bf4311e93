"""Field types of our own."""

from django.db import models


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
