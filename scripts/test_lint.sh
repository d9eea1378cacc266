# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the script test
# test_lint.sh: sourced by test, part lint.
#
# A check is an executable in scripts/lint. It fails after a line for each
# place, which names the remedy. What needs a server, or counts file by file, is
# a function lint_NAME here, and calls "check" once for each thing that it looks
# at. The current folder is that of the sources.

lint_executables() {
	local name
	for name in scripts/lint/*; do
		if [ -x "$name" ]; then check "$name"; fi
	done
}

lint_reference() {
	need_server
	psql -Xq -d postgres -c 'CREATE DATABASE crm_reference'
	psql -Xq -d crm_reference -c 'CREATE EXTENSION crm'
	check reference_is_current
}

reference_is_current() {
	scripts/reference --database crm_reference --print | diff docs/reference.md - ||
		fail "docs/reference.md is not what the catalog says: run scripts/reference"
}

# META.json describes the extension to PGXN, debian and packages/rpm to others.
# crm.control is the place of the version. The files that META.json names go into
# the archive.
lint_meta() {
	local version
	version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" crm.control)
	check meta_says "$version" version
	check meta_says "$version" provides crm version
	check meta_names_file provides crm file
	check meta_names_file provides crm docfile
	check starts_with "postgresql-crm ($version-" debian/changelog
	check names_version packages/rpm/crm.spec "Version: *$version\$"
	check names_version packages/rpm/crm.spec "^\* .* $version-[0-9]"
	check names_version integrations/dbt/dbt_project.yml "^version: $version\$"
}

starts_with() { head -n 1 "$2" | grep -qF "$1" || fail "$2: write an entry of the version in crm.control on top"; }

names_version() { grep -q -- "$2" "$1" || fail "$1: write the version in crm.control"; }

# A workspace of each kind has what the ready files of sources say.
lint_dbt() {
	local ready=integrations/dbt/ready
	need_server
	psql -Xq -d postgres -c 'CREATE DATABASE crm_lint_dbt'
	psql -Xq -d crm_lint_dbt <<'END' >/dev/null
SET client_min_messages = warning;
CREATE EXTENSION crm;
CREATE TABLE orders (customer bigint, day date, amount numeric);
SELECT crm.attach('attached', 'orders', customer => 'customer', at => 'day', amount => 'amount');
SELECT crm.create_workspace('tables', 'UTC');
END
	check integrations/dbt/sources crm_lint_dbt attached --shipped --check $ready/attached.yml
	check integrations/dbt/sources crm_lint_dbt tables --shipped --check $ready/tables.yml
}

# meta KEY...: the value in META.json that the keys lead to.
meta() {
	perl -MJSON::PP -e 'my $value = decode_json(do { local (@ARGV, $/) = "META.json"; <> });
		$value = $value->{$_} for @ARGV; print $value // ""' -- "$@"
}

meta_says() {
	[ "$(meta "${@:2}")" = "$1" ] || fail "META.json: ${*:2} is \"$(meta "${@:2}")\": write \"$1\", as in crm.control"
}

meta_names_file() {
	[ -n "$(git ls-files "$(meta "$@")")" ] || fail "META.json: $* is \"$(meta "$@")\": git knows no such file"
}

lint_shell() {
	local name
	files scripts/* .ci/run integrations/dbt/sources packages/docker/start debian/tests/installcheck || return 0
	install_packages shellcheck
	for name in "${found[@]}"; do
		if [ -f "$name" ] && [[ $(head -n 1 "$name") =~ ^#.*sh$ ]]; then check shellcheck -x -P SCRIPTDIR "$name"; fi
	done
}

# A test that runs rarely must not be found broken when it is wanted.
lint_perl() {
	local name
	files test/*/*.pl test/*/*/*.pm || return 0
	for name in "${found[@]}"; do check perl -c -Itest/t/lib "$name"; done
}

# Every version of clang-format lays out a little differently: 14 decides.
lint_format() {
	local name
	files src/*.[ch] src/*/*.[ch] src/*/*/*.[ch] test/unit/*.[ch] test/fuzz/*.[ch] test/t/*/*.[ch] || return 0
	command -v clang-format-14 >/dev/null || (install_packages clang-format-14) >>"$log" 2>&1 || true
	if ! command -v clang-format-14 >/dev/null; then
		part_skipped=$((part_skipped + ${#found[@]})) note='no clang-format-14 for this system'
		return
	fi
	for name in "${found[@]}"; do check is_formatted "$name"; done
}

is_formatted() {
	clang-format-14 "$1" | cmp -s - "$1" || fail "$1: run clang-format-14 -i on it"
}
