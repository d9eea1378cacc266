# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the script test
# test_servers.sh: sourced by test, part servers.
#
# Builds the extension, and runs regress, isolation and a part of pgTAP, on servers
# that this system does not have. The part is what depends on the server most:
# plans, pages and the sums of reviews. Dumps of filled workspaces are restored there, and
# pg_upgrade brings a filled workspace from an older server. Each server has a root
# folder of its own, made by scripts/server_root and kept for two weeks. The tests
# run in it in namespaces of their own, and write to memory only: the folder stays
# as it was made, and everything else goes with the namespaces.
#
# A version that cannot be had (no root, no network) is skipped with its reason.
#
#   CRM_CACHE     where the folders are kept (default: /var/cache/crm-test)
#   CRM_SERVERS   the versions (default: 16.2 17 18 19)

cache=${CRM_CACHE:-/var/cache/crm-test}
unfinished_folder=''
server_seconds=600 # for one version, its folder included
server_pgtap='views tier_reviews lifecycle scores voice points validation growth days keys'

part_servers() {
	local version
	for version in ${CRM_SERVERS:-16.2 17 18 19}; do test_server "$version"; done
}

test_server() {
	local version=$1 start=$SECONDS result reason=$logs/reason
	unfinished_folder=$cache/$version.$$
	if (have_namespaces && have_root_folder "$version") >"$reason" 2>&1; then
		run_in_root "$version" >"$logs/$version" 2>&1 || say_why_ended $? >>"$logs/$version"
		result=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$logs/$version" | head -n 1)
		count_server "$result"
	else
		part_skipped=$((part_skipped + 1))
		result="skipped: $(sed -n "s/^${0##*/}: //;\$p" "$reason")"
		remove_unfinished_folder || true
	fi
	say "  $version: $result ($((SECONDS - start)) s)"
}

# Only counts if the tests did not come to their own count.
say_why_ended() {
	if [ "$1" -eq 124 ]; then say "stopped: took more than $server_seconds s"; fi
	say '0 passed, 1 failed'
}

# count_server "N passed, N failed[, N skipped]": adds it, and the log if any failed.
count_server() {
	local numbers
	read -ra numbers <<<"${1//[^0-9]/ }"
	part_passed=$((part_passed + numbers[0])) part_failed=$((part_failed + numbers[1]))
	part_skipped=$((part_skipped + ${numbers[2]:-0}))
	if [ "${numbers[1]}" -gt 0 ]; then cat "$logs/$version" >>"$log"; fi
}

have_namespaces() {
	is_root || command -v sudo >/dev/null || fail "needs root or sudo"
	as_root unshare --mount --pid --fork true || fail "unshare is not allowed here"
}

# A folder too old that cannot be made again will still do.
have_root_folder() {
	local folder=$cache/$1
	if is_made "$folder" -mtime -14; then return; fi
	make_root_folder "$1" "$folder" || is_made "$folder" || fail "$(why_not_made)"
}

# is_made FOLDER [CONDITION OF find]: by the script as it is now.
is_made() {
	[ -n "$(find "$1/made" "${@:2}" 2>/dev/null)" ] && made_by | cmp -s - "$1/made"
}

made_by() { cksum <"$source_dir/scripts/server_root"; }

make_root_folder() {
	local wheel=''
	install_packages debootstrap
	if [ "$1" = 16.2 ]; then wheel=$(download_wheel) || return; fi
	as_root mkdir -p "$unfinished_folder" &&
		namespaces "$source_dir/scripts/server_root" "$1" "$unfinished_folder" "$wheel" >"$logs/made" 2>&1 &&
		made_by | as_root tee "$unfinished_folder/made" >/dev/null &&
		as_root rm -rf "$2" &&
		as_root mv "$unfinished_folder" "$2"
}

# The last error of the programs that it called, else the last line.
why_not_made() {
	{ tail -n 1 "$logs/made"; grep -E '^(E|ERROR|.*[Ee]rror):' "$logs/made"; } | tail -n 1
}

remove_unfinished_folder() {
	if [ -n "$unfinished_folder" ] && [ -e "$unfinished_folder" ]; then as_root rm -rf "$unfinished_folder"; fi
}

# The program of any Python will do: the wheel is only unpacked.
download_wheel() {
	python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip >&2
	python3 -m pip download -q --no-deps --only-binary :all: --python-version 3.12 -d "$logs" pgserver==0.1.4 \
		>"$logs/made" 2>&1 || return
	printf '%s\n' "$logs"/pgserver-*.whl
}

# The command, with its own mounts and processes, until the time is over.
namespaces() {
	as_root timeout --kill-after=5 "$((start + server_seconds - SECONDS))" \
		unshare --mount --pid --fork --kill-child "$@"
}

# A build in place, and the tests of a build out of tree beside it.
run_in_root() {
	local folder=$cache/$1 major=${1%%.*}
	# shellcheck disable=SC2016 # the shells inside expand it
	tar -C "$source_dir" --exclude-vcs -cf - . | namespaces sh -ec '
		mount -t proc proc "$1/proc"
		mount -t tmpfs -o mode=1777 crm "$1/tmp"
		mount -t tmpfs -o mode=1777 crm "$1/dev/shm"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 CRM_PG_MAJOR="$2" CRM_CFLAGS="$3" \
			CRM_PGTAP="$4" chroot "$1" sh -ec "$5"' sh "$folder" "$major" "$warnings" "$server_pgtap" '
		mkdir /tmp/crm
		cd /tmp/crm
		tar -xof -
		export PG_CONFIG=/usr/lib/postgresql/$CRM_PG_MAJOR/bin/pg_config
		make -s clean
		make -s -j"$(nproc)" all
		exec scripts/test build regress isolation life pgtap'
}
