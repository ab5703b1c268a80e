// A workbook as users of SheetJS write it: node workbook.mjs <file>. The file's ending says which format.
import xlsx from 'xlsx'

const workbook = xlsx.utils.book_new()
xlsx.utils.book_append_sheet(workbook, xlsx.utils.aoa_to_sheet([['Copies', 2]]), 'Prices')
xlsx.writeFile(workbook, process.argv[2])
