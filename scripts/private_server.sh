# shellcheck shell=bash
# private_server.sh: sourced by demo, test and bench.
#
# Builds the extension and runs it on a server of its own: the installed
# PostgreSQL is copied below a temporary folder (it finds its files relative to
# its own place), the extension is installed into that copy, and a cluster is
# started there on a Unix socket. Neither the system's PostgreSQL nor the
# source folder is touched, so nothing has to be undone.
#
#   install_packages NAME ...   Debian packages that are missing (root or sudo)
#   private_server_create       builds, copies, installs; sets the variables
#   private_server_start [OPT]  initdb and start; OPT as for postgres -c
#   private_server_stop         stops and removes everything
#
# After creation: $workplace (temporary folder), $build (objects and generated
# SQL), $bindir (the copied programs); after the start PGHOST, PGPORT, PGUSER
# and PGDATABASE point to the cluster.

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
major=${CRM_PG_MAJOR:-}

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo -n "$@" || sudo "$@"
	else fail "needs root to run: $* (no sudo here; install the packages by hand and call again)"
	fi
}

install_packages() {
	local name missing=()
	for name in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
	done
	[ ${#missing[@]} -eq 0 ] && return
	command -v apt-get >/dev/null || fail "these packages are missing, and there is no apt-get to install them: ${missing[*]}"
	say "Installing Debian packages: ${missing[*]}"
	as_root apt-get update -qq >/dev/null || say "apt-get update failed; trying with the lists that are here"
	# The server package would make and start a cluster of its own: not wanted.
	apt_install postgresql-common
	as_root mkdir -p /etc/postgresql-common/createcluster.d
	echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/crm.conf >/dev/null
	apt_install "${missing[@]}"
	as_root rm -f /etc/postgresql-common/createcluster.d/crm.conf
}

apt_install() {
	local log
	log=$(mktemp)
	if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1; then
		cat "$log" >&2
		as_root rm -f /etc/postgresql-common/createcluster.d/crm.conf
		fail "apt-get could not install: $*"
	fi
	rm -f "$log"
}

# The newest installed major of the supported ones, else Debian's default.
choose_major() {
	[ -n "$major" ] && return
	for major in 19 18 17 16 15; do
		[ -x "/usr/lib/postgresql/$major/bin/postgres" ] && return
	done
	command -v apt-cache >/dev/null || fail "no PostgreSQL 15 to 19 below /usr/lib/postgresql, and no apt-cache to find one"
	apt-cache show postgresql >/dev/null 2>&1 || as_root apt-get update -qq >/dev/null
	major=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1)
	[ -n "$major" ] || fail "no PostgreSQL 15 to 19 is installed and the package lists name none"
}

# The server refuses root: as root, run it as the user postgres.
as_server_user() {
	if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

private_server_create() {
	local pg_config copied
	choose_major
	install_packages "postgresql-$major" "postgresql-server-dev-$major" libnlopt-dev make gcc libc6-dev "$@"
	workplace=$(mktemp -d "${TMPDIR:-/tmp}/crm.XXXXXX")
	chmod 755 "$workplace"
	pg_config=/usr/lib/postgresql/$major/bin/pg_config
	build=$workplace/build
	bindir=$workplace/server/usr/lib/postgresql/$major/bin
	mkdir -p "$build" "$workplace/server"
	make -s -j"$(nproc)" -C "$build" -f "$source_dir/Makefile" PG_CONFIG="$pg_config" with_llvm=no all ||
		fail "the build failed"
	for copied in "$("$pg_config" --bindir)" "$("$pg_config" --pkglibdir)" "$("$pg_config" --sharedir)"; do
		mkdir -p "$workplace/server$copied"
		cp -a "$copied/." "$workplace/server$copied/"
	done
	make -s -C "$build" -f "$source_dir/Makefile" PG_CONFIG="$pg_config" with_llvm=no \
		DESTDIR="$workplace/server" install >/dev/null || fail "the installation into $workplace failed"
	# Debian's share folder has links relative to the system's root.
	find "$workplace/server" -xtype l -delete
}

private_server_start() {
	local data=$workplace/data option options=()
	for option in "$@"; do options+=(-c "$option"); done
	mkdir -p "$data" "$workplace/socket"
	chmod 700 "$data"
	if [ "$(id -u)" -eq 0 ]; then chown postgres "$data" "$workplace/socket"; fi
	chmod 755 "$workplace/socket"
	as_server_user "$bindir/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
		>"$workplace/initdb.log" 2>&1 || { cat "$workplace/initdb.log" >&2; fail "initdb failed"; }
	as_server_user "$bindir/pg_ctl" -D "$data" -w -s -l "$data/server.log" start -o "-c listen_addresses='' \
-c unix_socket_directories='$workplace/socket' -c port=5432 -c fsync=off ${options[*]@Q}" ||
		{ cat "$data/server.log" >&2; fail "the private server did not start"; }
	export PGHOST=$workplace/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	unset PGSERVICE PGOPTIONS PGPASSWORD PGHOSTADDR
	PATH=$bindir:$PATH
}

private_server_stop() {
	[ -n "${workplace:-}" ] || return 0
	if [ -e "$workplace/data/postmaster.pid" ]; then
		as_server_user "$bindir/pg_ctl" -D "$workplace/data" -m immediate -s stop || true
	fi
	rm -rf "$workplace"
	workplace=
}
