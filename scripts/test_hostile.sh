# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the script test
# test_hostile.sh: sourced by test, parts hostile and sanitizers.
#
# The part sanitizers calls scripts/test again. The child builds the extension
# with the sanitizers of the compiler, and its server loads their libraries
# before everything else. Any finding ends the server, so that the tests which
# run at that moment fail. The log of the server says what was found.
#
#   CRM_SANITIZE     set in the child
#   CRM_TEST_LONG    set while the part hostile runs the tests of test/t

# The corpus of each fuzz target, and changed copies of it. It belongs to the
# part unit, which has compiled the pure C into an archive.
replay_corpora() {
	local target corpus
	for target in test/fuzz/fuzz_*.c; do
		corpus=${target%.c}
		corpus=test/fuzz/corpus/${corpus##*/fuzz_}
		if compile -Itest/fuzz -o "$logs/replay" "$target" test/fuzz/replay.c "$logs/pure.a" -lm ${coverage:+-lgcov}; then
			tap timeout 120 "$logs/replay" 10 30 "$corpus"/*
		else
			part_failed=$((part_failed + 1))
		fi
	done
}

# Fuzzing for a minute a target, the long runs of two tests, and SQLsmith.
part_hostile() {
	fuzz_targets
	CRM_TEST_LONG=yes part_values
	command -v sqlsmith >/dev/null || (install_packages sqlsmith) >>"$log" 2>&1 || true
	tap prove -v --merge test/hostile/sqlsmith.pl
}

# Not in the list of parts: the part tap has these tests, and the child of the
# part sanitizers runs them alone.
part_values() {
	need_server
	tap prove -v --merge test/t/150_extremes.pl test/t/151_changed_values.pl
}

# libFuzzer comes with clang, in a package of its own. Inputs that end a target
# stay in the folder for temporary files, and the log has their names.
fuzz_targets() {
	local target name flags='-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all' sources
	command -v clang-14 >/dev/null || (install_packages clang-14 libclang-rt-14-dev) >>"$log" 2>&1 || true
	mapfile -t sources < <(pure_sources)
	for target in test/fuzz/fuzz_*.c; do
		name=${target##*/fuzz_} name=${name%.c}
		# shellcheck disable=SC2086 # a list of words
		if ! clang-14 -std=gnu11 -g -O1 -ffp-contract=off $flags -Isrc -Itest/fuzz -o "$logs/fuzz" \
			"$target" "${sources[@]}" -lm >>"$log" 2>&1; then
			part_skipped=$((part_skipped + 1)) note='no libFuzzer of clang-14, or it does not compile'
			continue
		fi
		mkdir "$logs/corpus_$name"
		check "$logs/fuzz" "$logs/corpus_$name" "test/fuzz/corpus/$name" -max_total_time=60 -timeout=20 \
			-max_len=512 -seed=1 -artifact_prefix="${TMPDIR:-/tmp}/crm-fuzz-$name-"
	done
}

part_sanitizers() {
	local result
	if [ -z "$(sanitizer_flags)" ]; then
		part_skipped=1 note='this compiler has no sanitizers'
		return
	fi
	CRM_SANITIZE=yes "$source_dir/scripts/test" regress isolation pgtap values >"$logs/sanitized" 2>&1 || true
	result=$(tail -n 1 "$logs/sanitized")
	case $result in
		*" passed, "*) count_child "$result" ;;
		*) part_failed=1 ;;
	esac
	if [ "$part_failed" -gt 0 ]; then cat "$logs/sanitized" >>"$log"; fi
}

# count_child "N passed, N failed[, N skipped]"
count_child() {
	local numbers
	read -ra numbers <<<"${1//[^0-9]/ }"
	part_passed=$((part_passed + numbers[0])) part_failed=$((part_failed + numbers[1]))
	part_skipped=$((part_skipped + ${numbers[2]:-0}))
}

# Flags for the extension, and an environment for its server. Leaks are not
# looked for: the server frees nothing when a process ends. A failed allocation
# must come back as NULL, because the server makes an error of it. The
# sanitizers confuse gcc about what is initialized.
#
# AddressSanitizer must be loaded before the C library of a server that was
# built without it. On some systems such a server hangs when it starts. There
# only UndefinedBehaviorSanitizer is used.
sanitize_server() {
	local kind=undefined libraries options=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1
	choose_major
	libraries=$(gcc -print-file-name=libubsan.so)
	if timeout 20 env ASAN_OPTIONS="$options" LD_PRELOAD="$(gcc -print-file-name=libasan.so) $libraries" \
		"/usr/lib/postgresql/$major/bin/postgres" -V >/dev/null 2>&1; then
		kind=address,undefined libraries="$(gcc -print-file-name=libasan.so) $libraries"
	fi
	say "The server runs with -fsanitize=$kind."
	CRM_CFLAGS+=" -Wno-maybe-uninitialized -fno-omit-frame-pointer -fsanitize=$kind -fno-sanitize-recover=all"
	server_environment=(env "LD_PRELOAD=$libraries" UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS="$options")
}
