/** The pages that ranges such as `1-3,5` name, in their order and within the document; null names all. The server has checked the form. */
export function pagesOf(ranges: string | null, count: number): number[] {
  if (ranges === null) return Array.from({ length: count }, (_, index) => index + 1)
  return ranges.split(',').flatMap((range) => {
    const [first = 1, last = first] = range.split('-').map(Number)
    const end = Math.min(last, count)
    return Array.from({ length: Math.max(0, end - first + 1) }, (_, index) => first + index)
  })
}
