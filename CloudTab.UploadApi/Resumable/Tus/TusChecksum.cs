namespace CloudTab.UploadApi;

/// <summary>
/// Upload-Checksum: "the name of the used checksum algorithm and the Base64 encoded checksum separated by a space", before the body or,
/// announced by `Trailer: Upload-Checksum`, after it.
/// </summary>
internal static class TusChecksum
{
    /// <summary>Reads what the body must hash to.</summary>
    /// <returns>False if it cannot be understood: "400 Bad Request if the checksum algorithm is not supported by the server".</returns>
    public static bool TryRead(HttpRequest request, out BodyChecksum? checksum)
    {
        checksum = BodyChecksum.FromTrailer(request, TusHeaders.Checksum, BodyChecksum.Algorithms, Parse);
        if (request.Headers.TryGetValue(TusHeaders.Checksum, out var header))
        {
            if (Parse(header.ToString()) is not { } expected)
                return false;
            checksum = BodyChecksum.FromHeader(request, expected);
        }

        return true;
    }

    private static ExpectedChecksum? Parse(string text)
    {
        if (text.Split(' ') is not [var algorithm, var value] || !BodyChecksum.Algorithms.Contains(algorithm, StringComparer.Ordinal))
            return null;
        var bytes = new byte[value.Length];
        return Convert.TryFromBase64String(value, bytes, out var length) ? new(algorithm, bytes[..length]) : null;
    }
}
