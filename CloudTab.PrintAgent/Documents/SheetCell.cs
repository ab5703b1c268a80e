namespace CloudTab.PrintAgent;

/// <summary>A place for one page or picture on a sheet, in points: its middle, counted from the sheet's top left corner, and its size.</summary>
internal readonly record struct SheetCell(float X, float Y, float Width, float Height)
{
    /// <summary>The places of a sheet in the order of reading, from the top left.</summary>
    /// <param name="count">1; 2, one beside the other along the longer side; or 4.</param>
    /// <param name="margin">Left free within each place, on each of its sides.</param>
    public static IReadOnlyList<SheetCell> Of(PaperSize paper, int count, float margin)
    {
        var (columns, rows) = count switch
        {
            1 => (1, 1),
            2 => paper.Width > paper.Height ? (2, 1) : (1, 2),
            4 => (2, 2),
            _ => throw new NotPrintableException("no-number-up"),
        };
        var (width, height) = (paper.Width / columns, paper.Height / rows);
        return
        [
            .. from row in Enumerable.Range(0, rows)
               from column in Enumerable.Range(0, columns)
               select new SheetCell((column + 0.5f) * width, (row + 0.5f) * height, width - (2 * margin), height - (2 * margin)),
        ];
    }

    /// <summary>Whether something of this size gets larger if it is turned, to the right.</summary>
    public bool Turns(float width, float height) => width > height != Width > Height;
}
