"""`make stack`: installs the site on a fresh Debian 12 in a container, with each process manager, and uses it."""
