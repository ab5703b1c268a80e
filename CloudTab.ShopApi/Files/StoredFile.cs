using CloudTab.Relay;
using Microsoft.Net.Http.Headers;

namespace CloudTab.ShopApi;

/// <summary>A file of the shop; available while it is stored and its session lives.</summary>
internal sealed record StoredFile(
    Guid Id, Guid Session, string Name, string Type, long Size, string Sha256, string ObjectKey, DateTime StoredAt, bool Available, bool Infected, string? Origin)
{
    /// <summary>The files that a shop may know of, before its WHERE; needs the parameter now.</summary>
    public const string Select = $"""
        SELECT files.id, files.session, files.name, files.type, files.size, encode(files.sha256, 'hex') AS Sha256,
               files.object_key AS ObjectKey, files.stored_at AS StoredAt,
               files.status = 'stored' AND sessions.ended_at IS NULL AND sessions.expires_at > @now AS Available,
               files.scan = '{Scan.Infected}' AS Infected,
               ({StateChanges.Origin}) AS Origin
        FROM files JOIN sessions ON sessions.id = files.session AND files.stored_at IS NOT NULL AND sessions.submitted_at IS NOT NULL
        """;

    /// <summary>`attachment` with the original name, also as RFC 8187's `filename*` where it is not ASCII.</summary>
    public string Attachment => Disposition("attachment");

    /// <summary>`inline` with the original name.</summary>
    public string Inline => Disposition("inline");

    private string Disposition(string type)
    {
        var header = new ContentDispositionHeaderValue(type);
        header.SetHttpFileName(Name);
        return header.ToString();
    }
}
