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
#   private_server_packages     chooses the server's version ($major) and
#                               installs what is missing for the build
#   private_server_create       the same, then builds, copies, installs; sets
#                               the variables
#   private_server_start [OPT]  initdb and start; OPT as for postgres -c
#   private_server_stop         stops and removes everything
#   private_server_on_exit      does that however the script ends
#   supervise                   waits for the last background command, and lets
#                               a signal end it at once: main & supervise
#
# After creation: $workplace (temporary folder), $build (objects and generated
# SQL), $bindir (the copied programs); after the start PGHOST, PGPORT, PGUSER
# and PGDATABASE point to the cluster. CRM_PG_MAJOR chooses among the installed
# servers. Only the user of the server (and root) can connect.

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
major=${CRM_PG_MAJOR:-}
workplace=
installer=(as_root)   # what runs apt-get
server_environment=() # env NAME=VALUE ..., for the server alone

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

is_root() { [ "$(id -u)" -eq 0 ]; }

as_root() {
	if is_root; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else fail "needs root to run: $* (no sudo here; install the packages by hand and call again)"
	fi
}

is_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
	local name missing=()
	for name in "$@"; do
		is_installed "$name" || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		fail "these packages are missing, and there is no apt-get to install them: ${missing[*]}"
	say "Installing Debian packages: ${missing[*]}"
	as_root apt-get update -qq >/dev/null 2>&1 ||
		say "apt-get update failed; trying with the package lists that are here"
	apt_install "${missing[@]}"
}

# Debian's server package makes and starts a cluster of its own: not wanted.
apt_install() {
	local output run=("${installer[@]}")
	case " $*" in
		*" postgresql-"[0-9]*)
			is_installed postgresql-common || apt_install postgresql-common
			run=(as_root_with_file /etc/postgresql-common/createcluster.d/crm.conf 644
				'create_main_cluster = false')
			;;
	esac
	if ! output=$("${run[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "$@" 2>&1); then
		printf '%s\n' "$output" >&2
		fail "apt-get could not install: $*"
	fi
}

# as_root_with_file FILE MODE TEXT COMMAND...: the file exists while the command
# runs. A process of root removes it, so a signal to this shell leaves none.
as_root_with_file() {
	# shellcheck disable=SC2016 # the inner shell expands
	as_root sh -c 'file=$1 mode=$2 text=$3
		shift 3
		trap "rm -f \"\$file\"" EXIT
		trap "exit 143" HUP INT TERM
		mkdir -p "${file%/*}"
		printf "%s\n" "$text" >"$file"
		chmod "$mode" "$file"
		"$@"' sh "$@"
}

# The newest installed major of the supported ones, else Debian's default.
choose_major() {
	[ -z "$major" ] || return 0
	for major in 19 18 17 16 15; do
		[ ! -x "/usr/lib/postgresql/$major/bin/postgres" ] || return 0
	done
	command -v apt-cache >/dev/null ||
		fail "no PostgreSQL 15 to 19 below /usr/lib/postgresql, and no apt-cache to find one"
	apt-cache show postgresql >/dev/null 2>&1 || as_root apt-get update -qq >/dev/null 2>&1 || true
	major=$(apt-cache depends postgresql 2>/dev/null |
		sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
	[ "${major:-0}" -ge 15 ] ||
		fail "no PostgreSQL 15 to 19 is installed, and the package lists offer none"
}

private_server_packages() {
	choose_major
	if ! server_is_complete; then install_packages "postgresql-$major" "postgresql-server-dev-$major"; fi
	install_packages make gcc libc6-dev
}

# Also a server that came without a package will do. Debian's client brings
# pg_config and the files of PGXS, so the headers are what tells.
server_is_complete() {
	local bin=/usr/lib/postgresql/$major/bin
	[ -x "$bin/postgres" ] && [ -e "$("$bin/pg_config" --includedir-server 2>/dev/null)/postgres.h" ]
}

# The server refuses root: as root, run it as the user postgres.
as_server_user() {
	if is_root; then (cd / && exec runuser -u postgres -- "$@"); else "$@"; fi
}

# make with this server's PGXS, in the build folder, whatever make we may have
# been called from. Bitcode for the JIT compiler would need clang and serves no
# purpose here. The temporary files of a compiler that is killed stay, so they
# are in the build folder.
build_make() {
	TMPDIR=$build env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u MAKELEVEL make -s -C "$build" -f "$source_dir/Makefile" with_llvm=no \
		PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" "$@"
}

private_server_create() {
	local pg_config copied
	private_server_packages
	umask 022 # the user of the server must be able to read what we make
	workplace=$(mktemp -d "${TMPDIR:-/tmp}/crm.XXXXXX")
	chmod 755 "$workplace"
	as_server_user test -x "$workplace" ||
		fail "user postgres cannot enter $workplace; set TMPDIR to a folder that is open to it"
	pg_config=/usr/lib/postgresql/$major/bin/pg_config
	build=$workplace/build
	bindir=$workplace/server$("$pg_config" --bindir)
	mkdir "$build" "$workplace/server"
	build_make -j"$(nproc)" all || fail "the build failed"
	for copied in "$("$pg_config" --bindir)" "$("$pg_config" --pkglibdir)" "$("$pg_config" --sharedir)"; do
		mkdir -p "$workplace/server$copied"
		cp -a "$copied/." "$workplace/server$copied/"
	done
	build_make DESTDIR="$workplace/server" install >/dev/null ||
		fail "the installation into $workplace failed"
	# Debian's share folder has links relative to the system's root.
	find "$workplace/server" -xtype l -delete
}

# shellcheck disable=SC2120 # the options are optional
private_server_start() {
	local data=$workplace/data option options=()
	for option in "$@"; do options+=(-c "$option"); done
	mkdir "$data" "$workplace/socket"
	chmod 700 "$data"
	if is_root; then chown postgres "$data" "$workplace/socket"; fi
	as_server_user "$bindir/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
		>"$workplace/initdb.log" 2>&1 || { cat "$workplace/initdb.log" >&2; fail "initdb failed"; }
	# Nothing here outlives a crash, so nothing needs to reach the disk. The
	# server may outlive the script: it must not hold what that has open. A shell
	# of its own closes it, because a trap may run in this one meanwhile.
	(as_server_user "${server_environment[@]}" "$bindir/pg_ctl" -D "$data" -w -s -l "$data/server.log" start -o "-c listen_addresses='' \
-c unix_socket_directories='$workplace/socket' -c unix_socket_permissions=0700 -c port=5432 -c fsync=off \
${options[*]@Q}") 3>&- 4>&- ||
		{ cat "$data/server.log" >&2; fail "the private server did not start"; }
	export PGHOST=$workplace/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	unset PGSERVICE PGOPTIONS PGPASSWORD PGHOSTADDR PGTZ PGDATESTYLE PGCLIENTENCODING
	PATH=$bindir:$PATH
}

private_server_stop() {
	[ -n "$workplace" ] || return 0
	if [ -e "$workplace/data/postmaster.pid" ]; then
		as_server_user "$bindir/pg_ctl" -D "$workplace/data" -m immediate -s stop || true
	fi
	remove_folder "$workplace"
	workplace=
}

# A signal can leave a command behind, for example a compiler. The command may
# write into the folder while rm removes it, and then rm fails because the folder
# is not empty. So rm is tried again for eight seconds.
remove_folder() {
	local end=$((SECONDS + 8))
	until rm -rf "$1" 2>/dev/null; do
		if [ "$SECONDS" -ge "$end" ]; then
			rm -rf "$1"
			return
		fi
		sleep 0.1
	done
}

# A shell answers a signal only when its current command has ended, which can
# take minutes. So a second shell does the work. This one only waits, and passes
# a signal on to the second shell, which cleans up, and to everything below it.
supervise() {
	local worker=$! status=0
	trap 'trap "" HUP INT TERM; end_work "$worker"' HUP INT TERM
	wait "$worker" || status=$?
	wait "$worker" || status=$? # a signal ends the first wait
	return "$status"
}

# Asks again and again, because a command may start while others are asked. What
# cleans up ignores the signal. What else does is killed after ten seconds.
end_work() {
	local end=$((SECONDS + 10)) first below
	mapfile -t first < <(processes_below "$1")
	kill -TERM "$1" 2>/dev/null || true
	while kill -0 "$1" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do
		mapfile -t below < <(processes_below "$1")
		if [ ${#below[@]} -gt 0 ]; then kill -TERM "${below[@]}" 2>/dev/null || true; fi
		sleep 0.2
	done
	if [ ${#first[@]} -gt 0 ]; then kill -KILL "${first[@]}" 2>/dev/null || true; fi
}

processes_below() {
	grep -hsE '^(Pid|PPid):' /proc/[0-9]*/status | awk -v top="$1" '
		$1 == "Pid:" { pid = $2 }
		$1 == "PPid:" { parent[pid] = $2 }
		END {
			for (pid in parent) {
				above = parent[pid]
				while (above != top && above in parent) above = parent[above]
				if (above == top) print pid
			}
		}'
}

private_server_on_exit() {
	trap 'trap "" HUP INT TERM; private_server_stop' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}
