using Microsoft.Net.Http.Headers;

namespace CloudTab.ShopApi;

/// <summary>
/// Which bytes of a file a request selects, and the status that says so: RFC 9110, sections 13 (conditions) and 14 (ranges). One
/// range is honoured; of several at once the whole file is sent, which section 14.2 allows.
/// </summary>
/// <param name="Status">200, 206, 304, 412 or 416.</param>
/// <param name="First">First byte.</param>
/// <param name="Last">Last byte, inclusive.</param>
internal readonly record struct Selection(int Status, long First, long Last)
{
    public long Length => Last - First + 1;

    /// <param name="tag">The file's strong entity tag.</param>
    /// <param name="size">The file's size, at least one byte.</param>
    public static Selection Of(HttpRequest request, EntityTagHeaderValue tag, long size)
    {
        var whole = new Selection(StatusCodes.Status200OK, 0, size - 1);
        var headers = request.GetTypedHeaders();

        // Section 13.2.2 gives the order: If-Match, If-None-Match, If-Range.
        if (headers.IfMatch.Count > 0 && !headers.IfMatch.Any(match => Matches(match, tag, useStrongComparison: true)))
            return whole with { Status = StatusCodes.Status412PreconditionFailed };
        if (headers.IfNoneMatch.Any(match => Matches(match, tag, useStrongComparison: false)))
            return whole with { Status = StatusCodes.Status304NotModified };

        // Section 14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for which
        // range handling is not defined. For this specification, GET is the only method for which range handling is defined."
        if (!HttpMethods.IsGet(request.Method) || headers.Range is not { Ranges.Count: 1 } range || range.Unit != "bytes")
            return whole;

        // A date never matches: the file is sent without Last-Modified.
        if (headers.IfRange is { } condition && !(condition.EntityTag is { } match && match.Compare(tag, useStrongComparison: true)))
            return whole;
        return Resolve(range.Ranges.First(), size);
    }

    private static Selection Resolve(RangeItemHeaderValue range, long size)
    {
        var first = range.From ?? Math.Max(0, size - range.To!.Value);
        var last = range.From is null ? size - 1 : Math.Min(range.To ?? size - 1, size - 1);
        return first < size
            ? new(StatusCodes.Status206PartialContent, first, last)
            : new(StatusCodes.Status416RangeNotSatisfiable, 0, size - 1);
    }

    private static bool Matches(EntityTagHeaderValue match, EntityTagHeaderValue tag, bool useStrongComparison) =>
        match.Equals(EntityTagHeaderValue.Any) || match.Compare(tag, useStrongComparison);
}
