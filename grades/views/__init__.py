"""Server-rendered pages for staff: a session, a CSRF token and a named right on every route."""
