/*
 * Draws the report from its data, the JSON in the element "data": words from the
 * texts, tables from rows, pictures from Vega specifications and rows. What the
 * data say reaches the page as text only, never as HTML.
 */
'use strict';
const [about, ...parts] = JSON.parse(document.getElementById('data').textContent);
const texts = about.texts;
const text = (key, otherwise) => texts[key] ?? otherwise ?? key;
const fill = (key, ...values) => text(key).replace(/%s/g, () => values.shift());
const title = part => fill(part.word + '_title', about.customer);

// Colors of Okabe and Ito (2008), which the color-blind tell apart. Heat and
// steps go from one lightness to another, so that they can be read without hue.
const themes = {
	light: {
		ink: '#1b1f24', muted: '#57606a', line: '#d8dee4', shade: '#e7ebef',
		colors: ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8a8a00', '#8c959f'],
		heat: ['#eaf2fb', '#6baed6', '#08306b'],
		steps: ['#a8d327', '#6ece58', '#35b779', '#1f9e89', '#26828e', '#31688e', '#3e4989', '#482878', '#440154'],
	},
	dark: {
		ink: '#e6edf3', muted: '#9aa4af', line: '#30363d', shade: '#2a323c',
		colors: ['#56b4e9', '#e69f00', '#009e73', '#cc79a7', '#3c7fd0', '#d55e00', '#f0e442', '#8c959f'],
		heat: ['#17263a', '#2f6db3', '#cfe6ff'],
		steps: ['#fde725', '#b5de2b', '#6ece58', '#35b779', '#1f9e89', '#2a93a0', '#4a8ec2', '#7f8fe0', '#b39ae8'],
	},
};

function element(name, className, content) {
	const made = document.createElement(name);
	if (className) made.className = className;
	if (content !== undefined) made.textContent = content;
	return made;
}

// The language of the page chooses between the columns "tier" and "tier_zh".
function inLanguage(rows) {
	return rows.map(row => Object.fromEntries(Object.entries(row)
		.filter(([column]) => !column.endsWith('_zh'))
		.map(([column, value]) => [column, about.language === 'zh' ? row[column + '_zh'] ?? value : value])));
}

const shares = ['p_alive', 'share', 'percent'];
const keys = ['customer_id'];

const isNumber = (column, value) => typeof value === 'number' && !keys.includes(column);

function format(column, value) {
	if (value === null) return '–';
	if (typeof value === 'boolean') return text(value ? 'yes' : 'no');
	if (!isNumber(column, value)) return String(value);
	if (column === 'percent') value /= 100;
	const size = Math.abs(value);
	if (column === 'p_value' && size < 0.0001) return '< 0.0001';
	return new Intl.NumberFormat(about.language, shares.includes(column)
		? { style: 'percent', maximumFractionDigits: 1 }
		: Number.isInteger(value) || size >= 1000 ? { maximumFractionDigits: 0 }
		: size >= 1 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumSignificantDigits: 3 }).format(value);
}

// Words of ours are translated. Groups of "changed" can be segments or bands.
function word(column, value) {
	return text(`${column}_${value}`, text(`${column.replace(/^(from|to)_/, '')}_${value}`, value));
}

function cell(row, column, ofNumbers) {
	const value = row[column];
	if (typeof value === 'string' && !keys.includes(column)) {
		return element('td', /^\d{4}-\d\d-\d\d$/.test(value) ? 'date' : column, word(column, value));
	}
	const kind = row.unit && column.startsWith('value') ? row.unit : column;
	return element('td', ofNumbers ? 'number' : '', format(kind, value));
}

function tiles(row) {
	const made = element('div', 'tiles');
	for (const [column, value] of Object.entries(row)) {
		const tile = made.appendChild(element('div'));
		tile.append(element('b', '', format(column, value)), element('span', '', text(column)));
	}
	return made;
}

function table(rows) {
	const scroll = element('div', 'scroll');
	const made = scroll.appendChild(element('table'));
	const columns = Object.keys(rows[0]).filter(column => column !== 'unit');
	const ofNumbers = columns.map(column => rows.some(row => isNumber(column, row[column])));
	const head = made.createTHead().insertRow();
	head.append(...columns.map((column, i) => element('th', ofNumbers[i] ? 'number' : '', text(column))));
	const body = made.createTBody();
	for (const row of rows) body.insertRow().append(...columns.map((column, i) => cell(row, column, ofNumbers[i])));
	return scroll;
}

function config(theme) {
	const words = { labelColor: theme.ink, titleColor: theme.muted, titleFontWeight: 'normal', labelFont: 'system-ui, sans-serif',
		titleFont: 'system-ui, sans-serif', labelFontSize: 11, titleFontSize: 11 };
	return {
		axis: { ...words, gridColor: theme.line, tickColor: theme.line, domainColor: theme.muted, labelLimit: 150, labelSeparation: 8 },
		axisBottom: { labelPadding: 7 },
		legend: { ...words, labelLimit: 260, symbolSize: 90, columnPadding: 12, titleOrient: 'top', layout: { top: { direction: 'vertical', anchor: 'start', margin: 4 } } },
		range: { category: theme.colors, heatmap: theme.heat, ramp: theme.steps },
		padding: { left: 2, right: 8, top: 4, bottom: 6 },
		signals: [{ name: 'texts', value: texts }, { name: 'theme', value: theme }],
	};
}

const pictures = {}; // the drawn Vega views, by word

function draw(part, place, theme) {
	const spec = structuredClone(part.spec);
	spec.data[0].values = inLanguage(part.rows);
	spec.width = place.clientWidth;
	spec.description = title(part);
	pictures[part.word]?.finalize();
	pictures[part.word] = new vega.View(vega.parse(spec, config(theme)), { renderer: 'svg', logLevel: vega.Warn })
		.initialize(place).run();
}

function content(part) {
	if (part.missing) return element('p', 'message', fill('left_out', part.missing));
	if (part.error) return element('p', 'message', fill('failed', part.error));
	if (!part.rows.length) return element('p', 'message', text('nothing'));
	if (part.spec) return element('div', 'picture');
	return part.word === 'state' ? tiles(inLanguage(part.rows)[0]) : table(inLanguage(part.rows));
}

function query(part) {
	const made = element('details');
	made.append(element('summary', '', text('sql')), element('pre', '', part.sql));
	return made;
}

const wide = ['state', 'top', 'leaving', 'losing', 'timeline', 'growth', 'tracking', 'attribution', 'value_curve'];

function card(part) {
	const made = element('section', wide.includes(part.word) ? 'part wide' : 'part');
	made.id = part.word;
	made.append(element('h3', '', title(part)), element('p', 'note', text(part.word + '_note', '')), content(part));
	if (part.sql) made.append(query(part));
	return made;
}

function page() {
	const main = document.querySelector('main');
	const header = main.appendChild(element('header'));
	document.title = `${about.workspace} ${about.as_of}`;
	document.documentElement.lang = about.language;
	header.append(element('h1', '', about.workspace),
		element('p', '', fill('customers_as_of', about.as_of, about.version)),
		element('p', '', text('how_to_ask')),
		element('pre', '', `SET search_path = ${about.schema}, public;\nSET crm.as_of = '${about.as_of}';`));
	let section, into;
	for (const part of parts) {
		if (part.section !== section) {
			section = part.section;
			main.append(element('h2', '', text('section_' + section)));
			into = main.appendChild(element('div', 'parts ' + section));
		}
		into.append(card(part));
	}
}

function drawAll(theme) {
	for (const part of parts) {
		const place = document.querySelector(`#${part.word} .picture`);
		if (place) draw(part, place, theme);
	}
}

const dark = matchMedia('(prefers-color-scheme: dark)');
const drawForScreen = () => drawAll(dark.matches ? themes.dark : themes.light);
page();
drawForScreen();
dark.addEventListener('change', drawForScreen);
addEventListener('beforeprint', () => drawAll(themes.light));
addEventListener('afterprint', drawForScreen);
let width = innerWidth;
addEventListener('resize', () => {
	if (innerWidth !== width) drawForScreen();
	width = innerWidth;
});
