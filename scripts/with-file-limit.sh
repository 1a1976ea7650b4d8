#!/bin/sh
# Runs a command with as many file descriptors as the system allows. Every live Durable Object takes three, and with the
# 256 that macOS gives a shell the runtime answers SQLITE_CANTOPEN from about the 75th on. Node raises its own limit, and so
# that of what it starts, to the hard one; this is for what is started otherwise.
# npm scripts call it with `exec`, else npm's shell stays in between and keeps SIGTERM to itself.
# A hard limit of "unlimited" is refused on some systems, hence the second try.
ulimit -n "$(ulimit -H -n)" 2>/dev/null || ulimit -n 10240 2>/dev/null
exec "$@"
