using System.Globalization;
using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>PutBucketLifecycleConfiguration, and reading and deleting it. <see cref="LifecycleSweep"/> applies it.</summary>
internal static class Lifecycle
{
    public static async Task Put(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var bucket = store[request.Bucket];
        var document = Xml.Parse(await RequestBody.ReadDocumentAsync(request, mustBePromised: true, cancellationToken), "LifecycleConfiguration");
        if (LifecycleRule.Parse(document).Count == 0)
            throw new S3Exception(S3Error.MalformedXml);
        foreach (var rule in document.Children("Rule").Where(rule => rule.Child("ID") is null or "").ToList())
            rule.AddFirst(new XElement(rule.Name.Namespace + "ID", Guid.NewGuid().ToString("N")));
        bucket.Save(bucket.Settings with { Lifecycle = document.ToString(SaveOptions.DisableFormatting) });
    }

    public static async Task Get(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var kept = store[request.Bucket].Settings.Lifecycle ?? throw new S3Exception(S3Error.NoSuchLifecycleConfiguration);
        await Xml.WriteAsync(request.Http.Response, XElement.Parse(kept), cancellationToken);
    }

    public static void Delete(S3Request request, BucketStore store)
    {
        var bucket = store[request.Bucket];
        bucket.Save(bucket.Settings with { Lifecycle = null });
        request.Http.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}

/// <summary>One rule: what it applies to, and after how long.</summary>
/// <param name="Prefix">Of the keys that it applies to; empty for all.</param>
/// <param name="IsEnabled">A disabled rule is kept and not applied.</param>
/// <param name="ExpirationDays">Age at which objects are deleted, or null.</param>
/// <param name="ExpirationDate">When they are deleted whatever their age, or null.</param>
/// <param name="AbortDays">Age at which unfinished multipart uploads are aborted, or null.</param>
internal sealed record LifecycleRule(string Prefix, bool IsEnabled, int? ExpirationDays, DateTimeOffset? ExpirationDate, int? AbortDays)
{
    // What cannot be applied is refused: an expiry that silently never comes is worse than an error.
    private static readonly string[] Known = ["ID", "Prefix", "Filter", "Status", "Expiration", "AbortIncompleteMultipartUpload"];
    private static readonly string[] KnownExpiration = ["Days", "Date"];

    /// <exception cref="S3Exception">MalformedXML, InvalidArgument, NotImplemented.</exception>
    public static List<LifecycleRule> Parse(XElement document) => document.Children("Rule").Select(ParseRule).ToList();

    /// <summary>S3 counts in whole days and acts at the midnight (UTC) that follows.</summary>
    public static DateTimeOffset Due(DateTimeOffset since, int days)
    {
        var due = since.AddDays(days).UtcDateTime;
        var midnight = new DateTimeOffset(due.Date, TimeSpan.Zero);
        return due.TimeOfDay == TimeSpan.Zero ? midnight : midnight.AddDays(1);
    }

    public bool Expires(ObjectEntry entry, DateTimeOffset now) =>
        (ExpirationDays is { } days && Due(entry.LastModified, days) <= now) || ExpirationDate <= now;

    public bool Aborts(Upload upload, DateTimeOffset now) =>
        AbortDays is { } days && upload.Metadata.Key.StartsWith(Prefix, StringComparison.Ordinal) && Due(upload.Metadata.LastModified, days) <= now;

    private static LifecycleRule ParseRule(XElement rule)
    {
        var filter = rule.Children("Filter").FirstOrDefault();
        var expiration = rule.Children("Expiration").FirstOrDefault();
        var abort = rule.Children("AbortIncompleteMultipartUpload").FirstOrDefault();
        RefuseOthers(rule, Known);
        if (filter is not null)
            RefuseOthers(filter, ["Prefix"]);
        if (expiration is not null)
            RefuseOthers(expiration, KnownExpiration);
        if (expiration is null && abort is null)
            throw new S3Exception(S3Error.InvalidRequest, "At least one action needs to be specified in a rule");

        return new LifecycleRule(
            filter?.Child("Prefix") ?? rule.Child("Prefix") ?? "",
            rule.Child("Status") switch { "Enabled" => true, "Disabled" => false, _ => throw new S3Exception(S3Error.MalformedXml) },
            Days(expiration?.Child("Days")),
            Date(expiration?.Child("Date")),
            Days(abort?.Child("DaysAfterInitiation")));
    }

    private static void RefuseOthers(XElement parent, string[] known)
    {
        if (parent.Elements().FirstOrDefault(child => !known.Contains(child.Name.LocalName, StringComparer.Ordinal)) is { } unknown)
            throw new S3Exception(S3Error.NotImplemented, $"Lifecycle rules with {unknown.Name.LocalName} are not implemented");
    }

    private static int? Days(string? text)
    {
        if (text is null)
            return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var days) && days > 0
            ? days
            : throw new S3Exception(S3Error.InvalidArgument, "A number of days in a lifecycle rule must be a positive integer");
    }

    private static DateTimeOffset? Date(string? text)
    {
        if (text is null)
            return null;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) && date.UtcDateTime.TimeOfDay == TimeSpan.Zero
            ? date
            : throw new S3Exception(S3Error.InvalidArgument, "'Date' must be at midnight GMT");
    }
}
