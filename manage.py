#!/usr/bin/env python
"""Django's command line for this site; `python manage.py help` lists the commands."""

import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoring_site.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:  # before or after the command itself: the commands report their own interruption
        sys.exit(130)
    except ImproperlyConfigured as error:
        print(f"The settings are wrong: {error}", file=sys.stderr)
        # Monitoring reads the status of doctor: no program starts with these settings, so they are critical.
        sys.exit(2 if sys.argv[1:2] == ["doctor"] else 1)
    except OperationalError as error:
        from scoring_site.env import place

        # The driver's message may name the server and the user, and never the password.
        reason = " ".join(str(part) for part in reversed(error.args))
        sys.exit(f"The database cannot be used: {reason}. Check DATABASE_URL in {place()}, and that the server runs.")


if __name__ == "__main__":
    main()
