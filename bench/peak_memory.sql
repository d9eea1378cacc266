/*
 * The most memory that this backend has had for itself: its resident peak
 * without the pages of shared memory that it touched.
 */
SELECT 'Peak memory: ' || (substring(status FROM 'VmHWM:\s+(\d+)')::int
						   - substring(status FROM 'RssShmem:\s+(\d+)')::int) / 1024
  FROM pg_read_file('/proc/self/status') AS status;
