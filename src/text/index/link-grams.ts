import { gramWords, type IndexView, noGram } from './layout.ts'

/** What the kernel's linkGrams does, in JavaScript: fills gramIds, nextPlaces and returns the number of distinct
 *  7-grams. */
export function linkGrams({ entryStarts, tokenIds, gramIds, nextPlaces }: IndexView): number {
  gramIds.fill(noGram)
  nextPlaces.fill(noGram)
  const first = new Map<string, number>()
  const last = new Map<number, number>()
  for (let entry = 0; entry + 1 < entryStarts.length; entry++) {
    const end = entryStarts[entry + 1] as number
    for (let place = entryStarts[entry] as number; place + gramWords <= end; place++) {
      const key = tokenIds.slice(place, place + gramWords).join()
      const gram = first.get(key) ?? place
      if (gram === place) first.set(key, place)
      else nextPlaces[last.get(gram) as number] = place
      last.set(gram, place)
      gramIds[place] = gram
    }
  }
  return first.size
}
