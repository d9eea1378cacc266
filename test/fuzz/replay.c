/*-------------------------------------------------------------------------
 *
 * replay.c
 *		Calls a fuzz target without libFuzzer.
 *
 *	fuzz_target FILES CHANGES [FILE ...]
 *
 * FILES is the number of files in the corpus that must be there, as a text
 * typed wrong would otherwise pass for a test. Each file is replayed. Then
 * each is replayed CHANGES times with some bytes changed, cut off, repeated or
 * added. The changes are the same in every run. A fault ends the program, and
 * TAP then reports a failure. The last input is in the file that the sanitizer
 * or the debugger names as "data".
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#define MOST_BYTES 4096

/* xorshift: the same numbers on every machine */
static uint64_t state = 88172645463325252;

static size_t
random_below(size_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t) (state % limit);
}

/* A copy without a byte to spare, so that a read beyond the end is noticed. */
static void
replay(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* Changes the bytes in one place and returns how many there are now. */
static size_t
change(uint8_t *bytes, size_t size)
{
	static const uint8_t strange[] = {0,   1,	0x0F, 0x10, 0x20, '"',
									  '-', '9', 0x7F, 0x80, 0xFE, 0xFF};
	size_t place = size > 0 ? random_below(size) : 0;

	if (size == 0)
		return random_below(64); /* zeros, as the array was at first */
	switch (random_below(6))
	{
		case 0:
			bytes[place] ^= (uint8_t) (1 << random_below(8));
			break;
		case 1:
			bytes[place] = strange[random_below(sizeof(strange))];
			break;
		case 2:
			bytes[place] = (uint8_t) random_below(256);
			break;
		case 3:
			return place; /* cut off */
		case 4:
			memmove(bytes + place, bytes + place + 1, size - place - 1);
			return size - 1;
		default:
			if (size < MOST_BYTES)
			{
				memmove(bytes + place + 1, bytes + place, size - place);
				return size + 1;
			}
	}
	return size;
}

static void
replay_changes(const uint8_t *bytes, size_t size, long changes)
{
	static uint8_t changed[MOST_BYTES];

	for (long i = 0; i < changes; i++)
	{
		size_t new_size = size;

		memset(changed, 0, sizeof(changed));
		memcpy(changed, bytes, size);
		for (size_t times = 1 + random_below(8); times > 0; times--)
			new_size = change(changed, new_size);
		replay(changed, new_size);
	}
}

int
main(int count, char **arguments)
{
	static uint8_t bytes[MOST_BYTES];
	long changes = count > 2 ? atol(arguments[2]) : 0;
	int files = 0;

	for (int i = 3; i < count; i++)
	{
		FILE *file = fopen(arguments[i], "rb");
		size_t size;

		if (file == NULL)
			continue;
		size = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		replay(bytes, size);
		replay_changes(bytes, size, changes);
		files++;
	}
	printf("1..1\n%s 1 - %d files and %ld changes of each keep the promises\n",
		   count > 1 && files >= atoi(arguments[1]) && files > 0 ? "ok"
																 : "not ok",
		   files, changes);
	return 0;
}
