/*
 * Reads a workspace by the package "pg" of Node: node read.js DAY OTHER_DAY.
 *
 * It prints the rows as of the day of the connection, the rows of a transaction
 * with SET LOCAL, the day after it, and what the driver makes of each type.
 */

const { Client, types } = require('pg');

// A date of the server has no time zone. Left alone, it becomes midnight of this computer.
const dateType = 1082;
types.setTypeParser(dateType, text => text);

const rowsQuery = `SELECT as_of, customer_id, revenue, clv, next_purchase_on
  FROM shop_bi.customer_value ORDER BY customer_id`;

async function main(day, otherDay) {
	const client = new Client({ user: 'shop_analyst', options: `-c crm.as_of=${day}` });
	const show = (title, rows) => {
		console.log(`# ${title}`);
		for (const row of rows) console.log(row.map(value => value ?? '').join('|'));
	};
	const ask = async (text, values) => (await client.query({ text, values, rowMode: 'array' })).rows;
	await client.connect();
	const rows = await ask(rowsQuery);
	show('connection', rows);
	await ask('BEGIN');
	await ask(`SET LOCAL crm.as_of = '${otherDay}'`);
	show('transaction', await ask(rowsQuery));
	await ask('COMMIT');
	show('afterwards', await ask('SELECT day FROM shop.shown_day'));
	show('function', await ask('SELECT count(*) FROM shop.customer_value_at($1)', [otherDay]));
	const history = (await ask('SELECT history FROM shop_bi.purchase_history LIMIT 1'))[0][0];
	show('types', [[...rows[0].map(value => typeof value), Array.isArray(history) && history[0].length]]);
	await client.end();
}

main(...process.argv.slice(2)).catch(error => {
	console.error(error);
	process.exitCode = 1;
});
