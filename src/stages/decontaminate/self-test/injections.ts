import type { Random } from '../../../statistics/random.ts'

/** What is known of an item that is to be planted. */
export interface PlantedItem {
  readonly question: string
  readonly choices: readonly string[]
  /** Question with its choices as they are indexed; the question alone where there are none. */
  readonly whole: string
}

/** A way in which items leak, or in which clean text looks like them. */
export interface Injection {
  readonly kind: string
  readonly expected: 'found' | 'clean'
  /** The host text with the plant; null where the item has no such form. */
  readonly plant: (host: string, item: PlantedItem, random: Random) => string | null
}

/** Leaks, most of which any n-gram rule should find; what it cannot see shows in the recall. */
const leakKinds: readonly Omit<Injection, 'expected'>[] = [
  { kind: 'verbatim', plant: (_, { whole }) => whole },
  { kind: 'own paragraph', plant: (host, { whole }, random) => asParagraph(host, whole, random) },
  { kind: 'embedded in a sentence', plant: (host, { whole }, random) => embedded(host, whole, random) },
  {
    kind: 'first 60 % only',
    plant: (host, { whole }, random) => asParagraph(host, part(whole, 0, 0.6), random),
  },
  {
    kind: 'last 60 % only',
    plant: (host, { whole }, random) => asParagraph(host, part(whole, 0.4, 1), random),
  },
  ...[2, 5, 10].map((percent) => ({
    kind: `${percent} % of words changed`,
    plant: (host: string, { whole }: PlantedItem, random: Random) =>
      asParagraph(host, edited(whole, percent / 100, tokens(host), random), random),
  })),
  { kind: 'upper case', plant: (host, { whole }, random) => asParagraph(host, whole.toUpperCase(), random) },
  {
    kind: 'punctuation changed',
    plant: (host, { whole }, random) => asParagraph(host, repunctuated(whole, random), random),
  },
  {
    kind: 'LaTeX spacing',
    plant: (host, { whole }, random) => asParagraph(host, respaced(whole, random), random),
  },
  {
    kind: 'choices reordered',
    plant: (host, { question, choices }, random) =>
      choices.length < 2
        ? null
        : asParagraph(host, `${question}\n${listed(shuffled(choices, random))}`, random),
  },
  {
    kind: 'question only',
    plant: (host, { question, choices }, random) =>
      choices.length < 2 ? null : asParagraph(host, `Question: ${question}\nAnswer:`, random),
  },
]

/** Text that many documents share and no benchmark owns. */
const hardNegativeKinds: readonly Omit<Injection, 'expected'>[] = [
  { kind: 'licence header', plant: (host, _, random) => `${pick(licences, random)}\n\n${host}` },
  {
    kind: 'multiple-choice scaffolding',
    plant: (host, _, random) => asParagraph(host, scaffolding(random), random),
  },
  { kind: 'truth table', plant: (host, _, random) => asParagraph(host, truthTable(random), random) },
]

export const injections: readonly Injection[] = [
  ...leakKinds.map((leak) => ({ ...leak, expected: 'found' as const })),
  ...hardNegativeKinds.map((negative) => ({ ...negative, expected: 'clean' as const })),
]

const tokens = (text: string): string[] => text.split(/\s+/).filter((token) => token !== '')

function asParagraph(host: string, plant: string, random: Random): string {
  const sentences = host.split(/(?<=[.!?])\s+/)
  const at = random.below(sentences.length + 1)
  return [sentences.slice(0, at).join(' '), plant, sentences.slice(at).join(' ')]
    .filter((text) => text !== '')
    .join('\n\n')
}

function embedded(host: string, plant: string, random: Random): string {
  const around = tokens(host)
  const at = random.below(around.length + 1)
  return [...around.slice(0, at), plant, ...around.slice(at)].join(' ')
}

function part(text: string, from: number, to: number): string {
  const all = tokens(text)
  return all.slice(Math.round(all.length * from), Math.round(all.length * to)).join(' ')
}

/** At least one word is changed. */
function edited(text: string, rate: number, vocabulary: readonly string[], random: Random): string {
  const all = tokens(text)
  const places = shuffled(
    all.map((_, i) => i),
    random,
  ).slice(0, Math.max(1, Math.round(all.length * rate)))
  for (const place of places) all[place] = vocabulary[random.below(Math.max(1, vocabulary.length))] ?? 'other'
  return all.join(' ')
}

const repunctuated = (text: string, random: Random): string =>
  text.replace(/[.,;:!?]/g, () => pick(['', ' ', ';', ' -', '…'], random) || ' ')

/** Only signs and white space are added: no command that would be a word. */
const respaced = (text: string, random: Random): string =>
  text
    .replace(/([=+<>])/g, (sign) => pick([` ${sign} `, `\\,${sign}\\,`, `{${sign}}`], random))
    .replace(/ /g, () => pick([' ', '  ', '~', '\n', ' \\; '], random))

const letters = 'ABCDEFGHIJKLMNOP'
const listed = (choices: readonly string[]): string =>
  choices.map((choice, i) => `${letters[i] ?? '*'}. ${choice}`).join('\n')

const licences = [
  'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0. Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.',
  'Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software.',
  'This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.',
  'Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met: Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.',
]

function scaffolding(random: Random): string {
  const subject = pick(['statements', 'options', 'answers', 'sentences', 'conclusions'], random)
  const choices = shuffled(
    [
      'I only',
      'II only',
      'III only',
      'I and II only',
      'II and III only',
      'I, II and III',
      'None of the above',
      'All of the above',
    ],
    random,
  ).slice(0, 4)
  return `Which of the following ${subject} is true? Choose the best answer.\n${listed(choices)}`
}

/** All rows of two or three truth values, in a random order of the choices. */
function truthTable(random: Random): string {
  const size = 2 + random.below(2)
  const rows = Array.from({ length: 2 ** size }, (_, row) =>
    Array.from({ length: size }, (__, bit) => ((row >> bit) & 1 ? 'True' : 'False')).join(', '),
  )
  return listed(shuffled(rows, random))
}

const pick = <T>(from: readonly T[], random: Random): T => from[random.below(from.length)] as T

function shuffled<T>(from: readonly T[], random: Random): T[] {
  const out = [...from]
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[out[i], out[j]] = [out[j] as T, out[i] as T]
  }
  return out
}
