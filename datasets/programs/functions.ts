import type { Problem } from './problem.ts'

/** Problems on numbers, texts and lists, each solved in both languages. */
export const functions: readonly Problem[] = [
  {
    name: 'ferry_trips',
    statement:
      'A ferry takes at most `places` cars a trip and crosses one way only when at least one car waits. Given the numbers of cars that arrive each hour, all of which are taken in that hour, return how many trips it makes in total.',
    parameters: ['arrivals', 'places'],
    tests: [
      [[[], 4], 0],
      [[[0, 0], 4], 0],
      [[[4, 8, 1], 4], 4],
      [[[5], 1], 5],
      [[[9, 10, 11], 10], 4],
    ],
    python: 'def ferry_trips(arrivals, places):\n    return sum(-(-cars // places) for cars in arrivals)\n',
    javascript:
      'function ferry_trips(arrivals, places) {\n  return arrivals.reduce((sum, cars) => sum + Math.ceil(cars / places), 0)\n}\n',
    slip: { python: ['-(-cars // places)', 'cars // places'], javascript: ['Math.ceil', 'Math.floor'] },
  },
  {
    name: 'longest_climb',
    statement:
      'Given heights measured along a path, return the length of the longest run of neighbouring measurements in which each is strictly higher than the one before. A single measurement is a run of length 1; an empty path gives 0.',
    parameters: ['heights'],
    tests: [
      [[[]], 0],
      [[[7]], 1],
      [[[1, 2, 2, 3, 4]], 3],
      [[[5, 4, 3]], 1],
      [[[1, 2, 3, 1, 2, 3, 4, 0]], 4],
    ],
    python:
      'def longest_climb(heights):\n    best = run = 0\n    last = None\n    for height in heights:\n        run = run + 1 if last is not None and height > last else 1\n        best = max(best, run)\n        last = height\n    return best\n',
    javascript:
      'function longest_climb(heights) {\n  let best = 0\n  let run = 0\n  heights.forEach((height, i) => {\n    run = i > 0 && height > heights[i - 1] ? run + 1 : 1\n    best = Math.max(best, run)\n  })\n  return best\n}\n',
    slip: { python: ['height > last', 'height >= last'], javascript: ['height > heights', 'height >= heights'] },
  },
  {
    name: 'fold_name',
    statement:
      'Return the text with every vowel (a, e, i, o, u, in either case) that directly follows the same vowel, ignoring case, removed. Other characters stay as they are.',
    parameters: ['text'],
    tests: [
      [[''], ''],
      [['aAa'], 'a'],
      [['book keeper'], 'bok keper'],
      [['Queue'], 'Queue'],
      [['xx OO'], 'xx O'],
    ],
    python:
      "def fold_name(text):\n    kept = ''\n    last = ''\n    for sign in text:\n        if sign.lower() in 'aeiou' and sign.lower() == last:\n            continue\n        kept += sign\n        last = sign.lower()\n    return kept\n",
    javascript:
      "function fold_name(text) {\n  return text.replace(/([aeiou])\\1+/gi, '$1')\n}\n",
    slip: { python: ["sign.lower() == last", 'sign == last'], javascript: ['/gi', '/g'] },
  },
  {
    name: 'change_of_shift',
    statement:
      'A shift is [start, end] in whole hours of one day, end not included. Return the hours, in ascending order, at which the number of people at work differs from the hour before. Hour 0 counts as differing if somebody works in it.',
    parameters: ['shifts'],
    tests: [
      [[[]], []],
      [[[[0, 24]]], [0]],
      [[[[8, 12], [12, 16]]], [8, 16]],
      [[[[8, 12], [10, 14]]], [8, 10, 12, 14]],
      [[[[3, 3]]], []],
    ],
    python:
      'def change_of_shift(shifts):\n    at_work = [sum(start <= hour < end for start, end in shifts) for hour in range(24)]\n    return [hour for hour in range(24) if at_work[hour] != (at_work[hour - 1] if hour > 0 else 0)]\n',
    javascript:
      'function change_of_shift(shifts) {\n  const count = (hour) => shifts.filter(([start, end]) => start <= hour && hour < end).length\n  return Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => count(hour) !== (hour > 0 ? count(hour - 1) : 0))\n}\n',
    slip: { python: ['hour < end', 'hour <= end'], javascript: ['hour < end', 'hour <= end'] },
  },
  {
    name: 'digit_steps',
    statement:
      'Return how many times a whole number n >= 0 must be replaced by the product of its decimal digits until it has a single digit.',
    parameters: ['n'],
    tests: [
      [[0], 0],
      [[9], 0],
      [[10], 1],
      [[39], 3],
      [[77], 4],
      [[679], 5],
    ],
    python:
      'def digit_steps(n):\n    steps = 0\n    while n > 9:\n        product = 1\n        for digit in str(n):\n            product *= int(digit)\n        n = product\n        steps += 1\n    return steps\n',
    javascript:
      'function digit_steps(n) {\n  let steps = 0\n  for (; n > 9; steps++) n = [...String(n)].reduce((product, digit) => product * Number(digit), 1)\n  return steps\n}\n',
    slip: { python: ['while n > 9', 'while n > 10'], javascript: ['n > 9', 'n > 10'] },
  },
  {
    name: 'shelf_order',
    statement:
      'Books are [title, width]. Return the titles sorted by width, widest first; of equal width the one that came first in the list comes first.',
    parameters: ['books'],
    tests: [
      [[[]], []],
      [[[['b', 2], ['a', 2]]], ['b', 'a']],
      [[[['x', 1], ['y', 10], ['z', 9]]], ['y', 'z', 'x']],
    ],
    python:
      'def shelf_order(books):\n    return [title for title, width in sorted(books, key=lambda book: -book[1])]\n',
    javascript:
      'function shelf_order(books) {\n  return [...books].sort((a, b) => b[1] - a[1]).map(([title]) => title)\n}\n',
    slip: { python: ['-book[1]', '-len(str(book[1]))'], javascript: ['b[1] - a[1]', 'String(b[1]).localeCompare(String(a[1]))'] },
  },
  {
    name: 'mirror_word',
    statement:
      'Return the longest text that is both a beginning of `word` and, read backwards, an ending of it. Of "abcXba" that is "ab". The whole word counts.',
    parameters: ['word'],
    tests: [
      [[''], ''],
      [['abcXba'], 'ab'],
      [['level'], 'level'],
      [['ab'], ''],
      [['aXa'], 'aXa'],
      [['noonish no'], ''],
      [['pots stop'], 'pots stop'],
    ],
    python:
      "def mirror_word(word):\n    backwards = word[::-1]\n    n = 0\n    while n < len(word) and word[n] == backwards[n]:\n        n += 1\n    return word[:n]\n",
    javascript:
      "function mirror_word(word) {\n  const backwards = [...word].reverse().join('')\n  let n = 0\n  while (n < word.length && word[n] === backwards[n]) n++\n  return word.slice(0, n)\n}\n",
    slip: { python: ['n < len(word)', 'n < len(word) // 2'], javascript: ['n < word.length', 'n < word.length / 2 - 1'] },
  },
  {
    name: 'tank_levels',
    statement:
      'A tank holds `capacity` litres and starts empty. Each number of `flows` is added (or, negative, taken); what is above the capacity is lost, and it never goes below 0. Return the level after each flow.',
    parameters: ['flows', 'capacity'],
    tests: [
      [[[], 5], []],
      [[[3, 4, -10, 2], 5], [3, 5, 0, 2]],
      [[[-1, 0.5, 0.25], 5], [0, 0.5, 0.75]],
    ],
    python:
      'def tank_levels(flows, capacity):\n    level = 0\n    levels = []\n    for flow in flows:\n        level = max(0, min(capacity, level + flow))\n        levels.append(level)\n    return levels\n',
    javascript:
      'function tank_levels(flows, capacity) {\n  let level = 0\n  return flows.map((flow) => (level = Math.max(0, Math.min(capacity, level + flow))))\n}\n',
    slip: { python: ['max(0, ', '('], javascript: ['Math.max(0, ', '('] },
  },
  {
    name: 'common_marks',
    statement:
      'Given two lists of words, return how often each word that is in both appears in the two together, as a dictionary (object).',
    parameters: ['first', 'second'],
    tests: [
      [[[], ['a']], {}],
      [[['a', 'b', 'a'], ['a', 'c']], { a: 3 }],
      [[['x', 'y'], ['y', 'x', 'x']], { x: 3, y: 2 }],
    ],
    python:
      'def common_marks(first, second):\n    return {word: first.count(word) + second.count(word) for word in first if word in second}\n',
    javascript:
      'function common_marks(first, second) {\n  const count = (word, words) => words.filter((each) => each === word).length\n  return Object.fromEntries(first.filter((word) => second.includes(word)).map((word) => [word, count(word, first) + count(word, second)]))\n}\n',
    slip: { python: [' if word in second', ''], javascript: ['.filter((word) => second.includes(word))', ''] },
  },
  {
    name: 'stair_sum',
    statement:
      'Return the sum of all numbers of a square table on or below its main diagonal, the one from the top left to the bottom right.',
    parameters: ['table'],
    tests: [
      [[[]], 0],
      [[[[4]]], 4],
      [[[[1, 2], [3, 4]]], 8],
      [[[[1, 9, 9], [2, 3, 9], [4, 5, 6]]], 21],
    ],
    python:
      'def stair_sum(table):\n    return sum(sum(row[: i + 1]) for i, row in enumerate(table))\n',
    javascript:
      'function stair_sum(table) {\n  return table.reduce((sum, row, i) => sum + row.slice(0, i + 1).reduce((a, b) => a + b, 0), 0)\n}\n',
    slip: { python: ['i + 1', 'i'], javascript: ['i + 1', 'i'] },
  },
]
