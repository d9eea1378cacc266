/*
 * What a report says of itself, for the test of reports. Marks are counted in
 * the scene that Vega drew, and in the elements of the page.
 */
(() => {
	const found = (node, name) => node.marktype && node.name === name ? node.items
		: (node.items ?? []).flatMap(item => found(item, name));
	const box = shape => shape.getBoundingClientRect();
	const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
		&& Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
	const within = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by && a.top >= b.top - by && a.bottom <= b.bottom + by;
	const facts = Object.entries(pictures).map(([word, view]) => {
		const { marks, value } = parts.find(part => part.word === word).spec.usermeta;
		const svg = document.querySelector(`#${word} svg`);
		const plot = box(svg.querySelector('.root .background'));
		const words = [...svg.querySelectorAll('text')]
			.filter(text => text.textContent && text.getAttribute('opacity') !== '0' && text.style.opacity !== '0')
			.map(text => [text.textContent, box(text)]);
		const items = found(view.scenegraph().root, marks);
		const shapes = [...svg.querySelectorAll(`.${marks}`)].flatMap(group => [...group.children]);
		return {
			word, count: items.length, sum: items.reduce((sum, item) => sum + Number(item.datum[value] ?? 0), 0),
			shapes: shapes.length, isLine: items[0]?.mark.marktype === 'line',
			outside: shapes.filter(shape => !within(box(shape), plot, 12)).length,
			over: words.filter(([, place]) => meet(place, plot)).map(([word]) => word),
			cut: words.filter(([, place]) => !within(place, box(svg), 1)).map(([word]) => word),
			overlapping: words.flatMap(([word, place], i) => words.slice(i + 1)
				.filter(([, other]) => meet(place, other)).map(([other]) => word + ' / ' + other)),
		};
	});
	return {
		facts, width: document.documentElement.scrollWidth, title: document.title,
		headings: [...document.querySelectorAll('h2, h3')].map(heading => heading.textContent),
		keys: [...document.querySelectorAll('#top td:first-child')].map(cell => cell.textContent),
		messages: Object.fromEntries([...document.querySelectorAll('.message')]
			.map(message => [message.parentNode.id, message.textContent])),
	};
})()
