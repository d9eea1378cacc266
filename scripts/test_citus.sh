# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the script test
# test_citus.sh: sourced by test, part citus.
#
# Runs test/citus on a cluster of Citus: a coordinator and two workers, which talk
# over Unix sockets in the folder of the private server. Citus is in no release of
# Debian. So the part is skipped where the chosen PostgreSQL (CRM_PG_MAJOR) does
# not have it. A version from 15 on runs parts of all aggregates on the workers.

citus_nodes='coordinator worker_1 worker_2'
citus_environment=()

part_citus() {
	need_build
	if [ ! -e "$("$bindir/pg_config" --pkglibdir)/citus.so" ]; then
		part_skipped=1 note="no Citus in PostgreSQL $major"
		return
	fi
	citus_environment=(PGHOST="$workplace/citus" PGPORT=6001 PGUSER=postgres PGDATABASE=postgres PATH="$bindir:$PATH")
	check start_citus
	if [ "$part_failed" -eq 0 ]; then tap env "${citus_environment[@]}" prove -v --merge test/citus/*.pl; fi
	stop_citus
}

# The nodes have one folder for their sockets, so a port tells them apart.
start_citus() {
	local node port=6000
	mkdir -p "$workplace/citus"
	if is_root; then chown postgres "$workplace/citus"; fi
	for node in $citus_nodes; do start_citus_node "$node" $((port += 1)) || return; done
	for port in 6002 6003 6001; do on_citus_node "$port" 'CREATE EXTENSION citus' || return; done
	on_citus_node 6001 "SELECT citus_set_coordinator_host('$workplace/citus', 6001)" &&
		on_citus_node 6001 "SELECT citus_add_node('$workplace/citus', port) FROM generate_series(6002, 6003) port"
}

# A shared_preload_libraries of its own, and room for connections of all shards.
start_citus_node() {
	local data=$workplace/citus/$1
	as_server_user "$bindir/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$data.log" 2>&1 ||
		{ cat "$data.log"; return 1; }
	(as_server_user "$bindir/pg_ctl" -D "$data" -w -s -l "$data/server.log" start -o "-c listen_addresses='' \
-c unix_socket_directories='$workplace/citus' -c unix_socket_permissions=0700 -c port=$2 -c fsync=off \
-c shared_preload_libraries=citus -c citus.shard_count=4 -c citus.node_conninfo=sslmode=disable \
-c wal_level=logical -c jit=off -c max_connections=60 -c max_prepared_transactions=60") 3>&- 4>&- ||
		{ cat "$data/server.log"; return 1; }
}

on_citus_node() {
	env "${citus_environment[@]}" "$bindir/psql" -Xq -v ON_ERROR_STOP=1 -p "$1" -c "$2"
}

stop_citus() {
	local node
	[ -n "$workplace" ] || return 0
	for node in $citus_nodes; do
		if [ -e "$workplace/citus/$node/postmaster.pid" ]; then
			as_server_user "$bindir/pg_ctl" -D "$workplace/citus/$node" -m immediate -s stop || true
		fi
	done
}
