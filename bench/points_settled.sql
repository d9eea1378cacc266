/* Points of 240 000 orders are settled: the first time all of them, then nothing. */
:measure
SELECT * FROM crm.settle_points('points', :'as_of');
