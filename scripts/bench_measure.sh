# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of the scripts bench and private_server.sh
# bench_measure.sh: sourced by bench. Takes the times and keeps them.
#
# A work is a file bench/WORK.sql. A contender is "crm", "plain" (plain SQL in
# the same server), or another program and what it starts from, as in
# "duckdb:orders" or "duckdb:stored". A contender whose result is not that of crm
# gets no time. bench/check/WORK.sql makes the sums of a result.
#
#   compare WORK CONTENDER...   times of crm and of them, in turn
#   single WORK                 times of crm alone
#   once                        before them: one run only
#   peers_start, peers_stop     the other programs (bench/peers/serve.py)
#
# Each time is a line of $results: size, configuration, work, contender,
# milliseconds, number of runs, and a note where there is no time.

peers_in='' peers_out='' most_runs=5

# The median is of 5 runs where one takes less than 2 s, of 3 below 5 s, else 1.
runs_for() {
	awk -v ms="$1" -v most="$most_runs" 'BEGIN { n = ms < 2000 ? 5 : ms < 5000 ? 3 : 1; print n < most ? n : most }'
}

once() { most_runs=1 "$@"; }

# statement WORK PLAIN MEASURE: runs it after the words of MEASURE.
statement() {
	psql -XAtq -v ON_ERROR_STOP=1 -v plain="$2" -v measure="$3" -v as_of="$as_of" -f "$source_dir/bench/$1.sql"
}

# milliseconds WORK CONTENDER
milliseconds() {
	case $2 in
		crm | plain)
			statement "$1" "$([ "$2" = plain ] && echo 1 || echo 0)" 'EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF)' \
				>"$workplace/measure"
			sed -n 's/^Execution Time: \(.*\) ms$/\1/p' "$workplace/measure"
			if [ "$2" = crm ]; then mv "$workplace/measure" "$workplace/measure_of_crm"; fi ;;
		*) ask "$1" "$2" | cut -f 1 ;;
	esac
}

compare() {
	local work=$1 contender run reason time start=$SECONDS contenders=()
	local -A times=() needed=()
	shift
	for contender in crm "$@"; do
		rm -f "$workplace/first"
		reason=$(refusal "$work" "$contender")
		if [ -n "$reason" ]; then keep "$work" "$contender" '' 0 "$reason"; continue; fi
		contenders+=("$contender") needed[$contender]=1
		if [ -e "$workplace/first" ]; then
			times[$contender]=$(cat "$workplace/first") needed[$contender]=0
		fi
	done
	for ((run = 1; run <= most_runs; run++)); do
		for contender in "${contenders[@]}"; do
			[ "$run" -le "${needed[$contender]}" ] || continue
			time=$(milliseconds "$work" "$contender") || time=''
			if [ -z "$time" ]; then needed[$contender]=0 times[$contender]=''; continue; fi
			times[$contender]+=" $time"
			if [ "$run" = 1 ]; then needed[$contender]=$(runs_for "$time"); fi
		done
	done
	for contender in "${contenders[@]}"; do keep_times "$work" "$contender" "${times[$contender]}"; done
	show "$work" $((SECONDS - start))
}

# keep_times WORK CONTENDER "TIME...": their median, or that there is none.
keep_times() {
	local list
	read -r -a list <<<"$3"
	if [ ${#list[@]} -eq 0 ]; then keep "$1" "$2" '' 0 'it failed'
	else keep "$1" "$2" "$(median "${list[@]}")" ${#list[@]} "$(note_of "$2")"
	fi
}

# Of what parts a time consists, and the memory of the server process.
note_of() {
	[ "$1" = crm ] || return 0
	sed -n 's/^Parts: //p; s/^Peak memory: \(.*\)$/\1 MB of memory/p' "$workplace/measure_of_crm"
}

single() { compare "$1"; }

# keep WORK CONTENDER MILLISECONDS RUNS NOTE
keep() {
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$customers" "$configuration" "$@" >>"$results"
}

# The line of a work and how long it took, while the bench goes on. The table
# comes at the end.
show() {
	awk -F '\t' -v size="$customers" -v configuration="$configuration" -v work="$1" -v took="$2" '
		$1 == size && $2 == configuration && $3 == work {
			if ($4 == "crm") ours = $5
			if ($5 == "") text = text "; " $4 " not measured"
			else text = text sprintf("; %s %.4g s", $4, $5 / 1000) \
				($4 == "crm" ? "" : sprintf(" (%.2g x)", $5 / ours))
		}
		END { print work ": " substr(text, 3) "  [" took " s]" }' "$results"
}

# Why a contender gets no time, or nothing. The answer of crm is kept in a file.
refusal() {
	local sums=$workplace/sums.$1 theirs start
	[ -e "$source_dir/bench/check/$1.sql" ] || return 0
	case $2 in
		crm) sums_of "$1" 0 >"$sums" || echo 'it failed' ;;
		plain)
			if [ "$1" = growth ]; then # a view of a workspace, of which there is no sample
				start=${EPOCHREALTIME/./}
				theirs=$(sums_of "$1" 1)
				first_of $(((${EPOCHREALTIME/./} - start) / 1000))
				agree "$(cat "$sums")" "$theirs" 1e-6 || echo 'another result'
			else agree "$(sampled sums_of "$1" 0)" "$(sampled sums_of "$1" 1)" 1e-6 || echo 'another result'
			fi ;;
		*)
			theirs=$(ask "$1" "$2")
			case $theirs in
				absent* | '') echo "${theirs#absent?}" ;;
				*) first_of "${theirs%%$'\t'*}"
					agree "$(cat "$sums")" "$(cut -f 2- <<<"$theirs")" "$(tolerance "$1")" || echo 'another result' ;;
			esac ;;
	esac
}

# A run that is too long to repeat is not repeated for the check either.
first_of() {
	if [ "$(runs_for "$1")" = 1 ] && [ "$most_runs" -gt 1 ]; then echo "$1" >"$workplace/first"; fi
}

sums_of() {
	psql -XAtq -F ' ' -v ON_ERROR_STOP=1 -v plain="$2" -v as_of="$as_of" -f "$source_dir/bench/check/$1.sql" | tail -n 1
}

# Plain SQL takes too long to be run twice, so its result is that of a sample.
sampled() { PGOPTIONS="${PGOPTIONS:-} -c search_path=sample,public" "$@"; }

# Sums differ by rounding only. The parameters of two fits differ by where the
# fits stop.
tolerance() {
	case $1 in
		fit_pareto | fit_spend) echo 1e-3 ;;
		*) echo 1e-6 ;;
	esac
}

# agree NUMBERS NUMBERS TOLERANCE: as many of them, and equal within the tolerance.
agree() {
	awk -v a="$1" -v b="$2" -v tolerance="$3" 'BEGIN {
		n = split(a, x, /[ \t]+/)
		if (n != split(b, y, /[ \t]+/) || n == 0) exit 1
		for (i = 1; i <= n; i++) {
			size = x[i] < 0 ? -x[i] : x[i]
			if (x[i] - y[i] > tolerance * size || y[i] - x[i] > tolerance * size) exit 1
		}
	}'
}

median() {
	printf '%s\n' "$@" | sort -g | sed -n "$((($# + 1) / 2))p"
}

# The other programs, in one process that answers line by line. Its folder has
# the rows as files.
peers_start() {
	peers_stop
	[ -n "$peer_python" ] || return 0
	mkfifo "$workplace/peers.in" "$workplace/peers.out"
	"$peer_python" "$source_dir/bench/peers/serve.py" "$workplace/rows" "$1" "$as_of" \
		<"$workplace/peers.in" >"$workplace/peers.out" 2>>"$workplace/peers.log" 3>&- 4>&- &
	exec {peers_in}>"$workplace/peers.in" {peers_out}<"$workplace/peers.out"
	rm "$workplace/peers.in" "$workplace/peers.out"
}

peers_stop() {
	[ -n "$peers_in" ] || return 0
	exec {peers_in}>&- {peers_out}<&-
	peers_in=''
}

# ask WORK PROGRAM:FORM: the line that the program answers.
ask() {
	local answer
	if [ -z "$peer_python" ]; then printf 'absent\tthe program is not installed\n'; return; fi
	if [ -z "$peers_in" ]; then printf 'absent\tthe settings are those of PostgreSQL alone\n'; return; fi
	printf '%s %s %s\n' "${2%:*}" "$1" "${2#*:}" >&"$peers_in"
	IFS= read -r answer <&"$peers_out" || answer=$'absent\tthe program ended'
	printf '%s\n' "$answer"
}

# The packages of PyPI are kept in the user's cache, so a second run finds them.
peers_install() {
	local name folder=${XDG_CACHE_HOME:-$HOME/.cache}/crm-bench
	peer_python=$folder/venv/bin/python
	if "$peer_python" -c 'import duckdb, polars, chdb, lifetimes, scipy' 2>/dev/null; then return; fi
	say "Installing duckdb, polars, chdb, lifetimes and scipy from PyPI to $folder"
	install_packages python3-venv
	mkdir -p "$folder"
	for name in duckdb polars chdb lifetimes scipy; do
		if [ ! -x "$peer_python" ]; then /usr/bin/python3 -m venv "$folder/venv" >"$folder/log" 2>&1 || true; fi
		if ! "$folder/venv/bin/pip" install -q "$name" >>"$folder/log" 2>&1; then
			say "$name is missing: $(tail -n 1 "$folder/log")"
		fi
	done
	if [ ! -x "$peer_python" ]; then peer_python=''; fi
}
