/*
 * data_set.sql: reads the file :file below :shared/data into the table :table.
 * A file that is not there leaves the table empty, and the file absent.
 */
\set path :shared /data/ :file
\set present `test -r :'path' && echo true || echo false`
\if :present
	\set load '\\copy ' :table ' FROM PROGRAM ''gzip -dcf "' :path '"'' CSV HEADER'
	:load
	UPDATE data_file SET present = true WHERE file = :'file';
\endif
