import type { Problem } from './problem.ts'

/** Problems with rules to follow step by step, errors to raise, and texts to read and print. */
export const moreFunctions: readonly Problem[] = [
  {
    name: 'parcel_label',
    statement:
      'A label is two capital letters, a hyphen and digits that end in a check digit: the sum of all digits before it, modulo 10. Return whether a text is a valid label. At least one digit stands before the check digit.',
    parameters: ['label'],
    tests: [
      [['AB-123'], true],
      [['AB-11'], true],
      [['AB-12'], false],
      [['ab-11'], false],
      [['AB-1'], false],
      [['AB-994 '], false],
      [['AB-9976'], false],
      [['AB-9975'], true],
    ],
    python:
      "import re\n\ndef parcel_label(label):\n    found = re.fullmatch(r'[A-Z]{2}-([0-9]+)([0-9])', label)\n    return found is not None and sum(map(int, found[1])) % 10 == int(found[2])\n",
    javascript:
      "function parcel_label(label) {\n  const found = /^[A-Z]{2}-([0-9]+)([0-9])$/.exec(label)\n  return found !== null && [...found[1]].reduce((sum, digit) => sum + Number(digit), 0) % 10 === Number(found[2])\n}\n",
    slip: { python: [' % 10', ''], javascript: [' % 10', ''] },
  },
  {
    name: 'queue_times',
    statement:
      'Customers with the given serving times queue, in order, for `tills` tills; each goes to the till that is free first. Return the time at which the last one is served.',
    parameters: ['times', 'tills'],
    tests: [
      [[[], 2], 0],
      [[[5, 3, 4], 1], 12],
      [[[10, 2, 3, 3], 2], 10],
      [[[2, 3, 10], 2], 12],
      [[[1, 1, 1, 1, 1], 2], 3],
    ],
    python:
      'def queue_times(times, tills):\n    free = [0] * tills\n    for time in times:\n        free.sort()\n        free[0] += time\n    return max(free)\n',
    javascript:
      'function queue_times(times, tills) {\n  const free = new Array(tills).fill(0)\n  for (const time of times) {\n    free.sort((a, b) => a - b)\n    free[0] += time\n  }\n  return Math.max(...free)\n}\n',
    slip: { python: ['free[0] += time', 'free[-1] += time'], javascript: ['free[0] += time', 'free[tills - 1] += time'] },
  },
  {
    name: 'robot_walk',
    statement:
      'A robot stands on [0, 0] and looks north, the direction of a growing second number. L and R turn it by 90 degrees, F moves it one step. Return where it stands after all commands of the text.',
    parameters: ['commands'],
    tests: [
      [[''], [0, 0]],
      [['FF'], [0, 2]],
      [['RFLF'], [1, 1]],
      [['LFLFLF'], [0, -1]],
      [['RRFF'], [0, -2]],
    ],
    python:
      "def robot_walk(commands):\n    x, y, dx, dy = 0, 0, 0, 1\n    for command in commands:\n        if command == 'L':\n            dx, dy = -dy, dx\n        elif command == 'R':\n            dx, dy = dy, -dx\n        else:\n            x, y = x + dx, y + dy\n    return [x, y]\n",
    javascript:
      "function robot_walk(commands) {\n  let [x, y, dx, dy] = [0, 0, 0, 1]\n  for (const command of commands) {\n    if (command === 'L') [dx, dy] = [-dy, dx]\n    else if (command === 'R') [dx, dy] = [dy, -dx]\n    else [x, y] = [x + dx, y + dy]\n  }\n  return [x, y]\n}\n",
    slip: { python: ['-dy, dx', 'dy, dx'], javascript: ['[-dy, dx]', '[dy, dx]'] },
  },
  {
    name: 'bracket_depth',
    statement:
      'Return how deep the round brackets of a text are nested at most, or -1 if they do not pair up. Other characters do not matter.',
    parameters: ['text'],
    tests: [
      [[''], 0],
      [['a(b)c'], 1],
      [['(()(()))'], 3],
      [[')('], -1],
      [['(('], -1],
    ],
    python:
      "def bracket_depth(text):\n    depth = most = 0\n    for sign in text:\n        depth += (sign == '(') - (sign == ')')\n        if depth < 0:\n            return -1\n        most = max(most, depth)\n    return most if depth == 0 else -1\n",
    javascript:
      "function bracket_depth(text) {\n  let depth = 0\n  let most = 0\n  for (const sign of text) {\n    depth += (sign === '(') - (sign === ')')\n    if (depth < 0) return -1\n    most = Math.max(most, depth)\n  }\n  return depth === 0 ? most : -1\n}\n",
    slip: { python: ['if depth < 0', 'if depth < -1'], javascript: ['depth < 0', 'depth < -1'] },
  },
  {
    name: 'split_bill',
    statement:
      'Split `cents` among `people` as evenly as whole cents allow, larger shares first, and return the list of shares. If there are no people, raise a ValueError in Python, throw a RangeError in JavaScript.',
    parameters: ['cents', 'people'],
    tests: [
      [[10, 3], [4, 3, 3]],
      [[0, 2], [0, 0]],
      [[7, 7], [1, 1, 1, 1, 1, 1, 1]],
      [[5, 0], { python: 'ValueError', javascript: 'RangeError' }, 'raises'],
    ],
    python:
      "def split_bill(cents, people):\n    if people < 1:\n        raise ValueError('nobody pays')\n    share, rest = divmod(cents, people)\n    return [share + (i < rest) for i in range(people)]\n",
    javascript:
      "function split_bill(cents, people) {\n  if (people < 1) throw new RangeError('nobody pays')\n  const share = Math.floor(cents / people)\n  return Array.from({ length: people }, (_, i) => share + (i < cents % people ? 1 : 0))\n}\n",
    slip: { python: ['i < rest', 'i <= rest'], javascript: ['throw new RangeError', 'throw new Error'] },
  },
  {
    name: 'big_stack',
    statement:
      'Return the number of ways to write n as a sum of 1s, 2s and 3s where order matters. n is up to 200: the result must be exact (in JavaScript: a BigInt).',
    parameters: ['n'],
    tests: [
      [[0], 1],
      [[4], 7],
      [[10], 274],
      [[100], { $int: '180396380815100901214157639' }],
    ],
    python:
      'def big_stack(n):\n    a, b, c = 0, 0, 1\n    for _ in range(n):\n        a, b, c = b, c, a + b + c\n    return c\n',
    javascript:
      'function big_stack(n) {\n  let [a, b, c] = [0n, 0n, 1n]\n  for (let i = 0; i < n; i++) [a, b, c] = [b, c, a + b + c]\n  return c\n}\n',
    slip: { python: ['range(n)', 'range(n - 1)'], javascript: ['0n, 0n, 1n', '0, 0, 1'] },
  },
  {
    name: 'mean_of_middle',
    statement:
      'Return the mean of a list of at least three numbers after one smallest and one largest number have been left out. An error of 1e-9 is fine.',
    parameters: ['numbers'],
    tolerance: 1e-9,
    tests: [
      [[[1, 2, 3]], 2],
      [[[0.1, 0.2, 0.3, 0.4]], 0.25],
      [[[5, 5, 5, 1]], 5],
      [[[10, 1, 2, 4]], 3],
    ],
    python:
      'def mean_of_middle(numbers):\n    middle = sorted(numbers)[1:-1]\n    return sum(middle) / len(middle)\n',
    javascript:
      'function mean_of_middle(numbers) {\n  const middle = [...numbers].sort((a, b) => a - b).slice(1, -1)\n  return middle.reduce((a, b) => a + b, 0) / middle.length\n}\n',
    slip: { python: ['sorted(numbers)', 'numbers'], javascript: ['(a, b) => a - b', ''] },
  },
  {
    name: 'rotate_words',
    statement:
      'Return the text with its words, which single spaces part, moved `places` to the left, those that leave at the front coming back at the end. `places` may be larger than the number of words.',
    parameters: ['text', 'places'],
    tests: [
      [['one two three', 1], 'two three one'],
      [['one two three', 4], 'two three one'],
      [['one', 5], 'one'],
      [['a b', 0], 'a b'],
    ],
    python:
      "def rotate_words(text, places):\n    words = text.split(' ')\n    cut = places % len(words)\n    return ' '.join(words[cut:] + words[:cut])\n",
    javascript:
      "function rotate_words(text, places) {\n  const words = text.split(' ')\n  const cut = places % words.length\n  return [...words.slice(cut), ...words.slice(0, cut)].join(' ')\n}\n",
    slip: { python: [' % len(words)', ''], javascript: [' % words.length', ''] },
  },
  {
    name: 'islands',
    statement:
      'A map is a list of equally long texts of "#" (land) and "." (water). Return the number of islands: pieces of land that touch along an edge belong together.',
    parameters: ['map'],
    tests: [
      [[[]], 0],
      [[['...']], 0],
      [[['#.#', '.#.', '#.#']], 5],
      [[['##.', '.##', '...', '#.#']], 3],
    ],
    python:
      "def islands(map):\n    land = {(y, x) for y, row in enumerate(map) for x, sign in enumerate(row) if sign == '#'}\n    count = 0\n    while land:\n        count += 1\n        todo = [land.pop()]\n        while todo:\n            y, x = todo.pop()\n            for place in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):\n                if place in land:\n                    land.remove(place)\n                    todo.append(place)\n    return count\n",
    javascript:
      "function islands(map) {\n  const land = new Set(map.flatMap((row, y) => [...row].flatMap((sign, x) => (sign === '#' ? [`${y},${x}`] : []))))\n  let count = 0\n  while (land.size > 0) {\n    count++\n    const todo = [[...land][0]]\n    land.delete(todo[0])\n    while (todo.length > 0) {\n      const [y, x] = todo.pop().split(',').map(Number)\n      for (const place of [`${y + 1},${x}`, `${y - 1},${x}`, `${y},${x + 1}`, `${y},${x - 1}`])\n        if (land.delete(place)) todo.push(place)\n    }\n  }\n  return count\n}\n",
    slip: { python: ['(y + 1, x)', '(y + 1, x + 1)'], javascript: ['`${y + 1},${x}`', '`${y + 1},${x + 1}`'] },
  },
  {
    name: 'receipt',
    statement:
      'Read a whole program\'s input: a number n, then n lines, each a name without spaces, a count and a price in whole coins. Print a line `name: cost` for each in the order given, then `total: sum`.',
    io: true,
    tests: [
      ['2\ntea 3 4\ncake 1 7\n', 'tea: 12\ncake: 7\ntotal: 19\n'],
      ['0\n', 'total: 0\n'],
      ['1\nx 0 5\n', 'x: 0\ntotal: 0\n'],
    ],
    python:
      "total = 0\nfor _ in range(int(input())):\n    name, count, price = input().split()\n    cost = int(count) * int(price)\n    total += cost\n    print(f'{name}: {cost}')\nprint('total:', total)\n",
    javascript:
      "const [n, ...lines] = require('fs').readFileSync(0, 'utf8').split('\\n')\nlet total = 0\nfor (const line of lines.slice(0, Number(n))) {\n  const [name, count, price] = line.split(' ')\n  total += count * price\n  console.log(`${name}: ${count * price}`)\n}\nconsole.log('total:', total)\n",
    slip: { python: ['total += cost', 'total = cost'], javascript: ['total += count', 'total = count'] },
  },
  {
    name: 'word_ladder',
    statement:
      'Read lines until the input ends. Print for each line that holds anything but white space the number of its words and its longest word (the first of several), parted by a space.',
    io: true,
    tests: [
      ['a bb cc\n\nhello\n', '3 bb\n1 hello\n'],
      ['', ''],
      ['  x   yy \n', '2 yy\n'],
    ],
    python:
      "import sys\n\nfor line in sys.stdin:\n    words = line.split()\n    if words:\n        print(len(words), max(words, key=len))\n",
    javascript:
      "require('readline').createInterface({ input: process.stdin }).on('line', (line) => {\n  const words = line.split(/\\s+/).filter((word) => word !== '')\n  if (words.length > 0) console.log(words.length, words.reduce((a, b) => (b.length > a.length ? b : a)))\n})\n",
    slip: { python: ['line.split()', "line.split(' ')"], javascript: ['b.length > a.length', 'b.length >= a.length'] },
  },
]
