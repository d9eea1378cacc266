# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the script test
# test_compilers.sh: sourced by test, parts build and i386.
#
# The extension needs integers of 128 bits, which compilers have for processors
# of 64 bits alone. The pure C that does without them is tested on i386 too, where
# sizes and pointers have 32 bits.

# Every object once more by clang, without optimization, which finds the same.
# The warnings are those of gcc. The headers of the server are not looked at.
clang_objects() {
	local name clang=clang-14 include objects=$logs/clang
	include=$("/usr/lib/postgresql/$major/bin/pg_config" --includedir-server)
	command -v "$clang" >/dev/null || (install_packages "$clang") >>"$log" 2>&1 || true
	if ! command -v "$clang" >/dev/null; then
		part_skipped=$((part_skipped + 1)) note+=', no clang'
		return
	fi
	mkdir "$objects"
	# shellcheck disable=SC2016,SC2086 # the inner shell expands; a list of words
	find src -name '*.c' -print0 | xargs -0 -n 1 -P "$(nproc)" sh -c 'for source; do :; done
		object=$1/$(echo "$source" | tr / -).o
		shift
		"$@" -o "$object" 2>"$object.log"' sh "$objects" "$clang" -std=gnu11 -ffp-contract=off \
		-fno-strict-aliasing -fwrapv $warnings -D_GNU_SOURCE -DCRM_VERSION='"test"' -Isrc -isystem "$include" -c || true
	for name in src/*.c src/*/*.c src/*/*/*.c; do
		check clang_compiled "$objects/${name//\//-}.o"
	done
}

clang_compiled() {
	cat "$1.log"
	[ -s "$1" ]
}

# Archives and tests of their own, for those of the part unit are for this
# processor. SSE2 computes: with x87 a NaN would not keep its bits, and one bound
# would not hold.
part_i386() {
	local source sanitize='' objects=() left_out=0 i386=(-m32 -msse2 -mfpmath=sse)
	install_packages gcc libc6-dev
	(install_packages gcc-multilib) >>"$log" 2>&1 || true
	if ! echo 'int main(void) { return 0; }' | gcc -m32 -x c -o "$logs/empty" - 2>/dev/null || ! "$logs/empty"; then
		part_skipped=1 note='no gcc-multilib for this system'
		return
	fi
	while read -r source; do
		if needs_128_bits "$source"; then left_out=$((left_out + 1)); continue; fi
		objects+=("$logs/i386-${source//\//-}.o")
		compile "${i386[@]}" -c -o "${objects[-1]}" "$source" || { part_failed=1; return; }
	done < <(pure_sources)
	ar rcs "$logs/i386.a" "${objects[@]}"
	for source in test/unit/test_*.c; do
		if needs_128_bits "$source"; then left_out=$((left_out + 1)); continue; fi
		if compile "${i386[@]}" -o "$logs/i386_test" "$source" "$logs/i386.a" -lm; then
			tap timeout 300 prove -v --merge --exec env "$logs/i386_test"
		else
			part_failed=$((part_failed + 1))
		fi
	done
	note="${#objects[@]} sources, without $left_out files that need 128 bits"
}

needs_128_bits() {
	gcc -E -DPG_VERSION_NUM=150000 -Isrc -Itest/unit "$1" | grep '\b__int128\b' >/dev/null
}
