namespace CloudTab.LocalS3;

/// <summary>ListMultipartUploads and ListParts.</summary>
internal static class MultipartListing
{
    private const int Most = 1000;

    public static async Task Uploads(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        if (request.Parameter("delimiter") is { Length: > 0 })
            throw new S3Exception(S3Error.NotImplemented);

        var bucket = store[request.Bucket];
        var encode = Listing.Encoding(request);
        var prefix = request.Parameter("prefix") ?? "";
        var (keyMarker, idMarker) = (request.Parameter("key-marker") ?? "", request.Parameter("upload-id-marker") ?? "");
        var maximum = Math.Min(request.Number("max-uploads", Most, least: 1), Most);
        var found = bucket.Uploads.Values
            .Where(upload => upload.Metadata.Key.StartsWith(prefix, StringComparison.Ordinal) && IsBehind(upload, keyMarker, idMarker))
            .OrderBy(upload => upload.Metadata.Key, Comparer<string>.Create(KeyOrder.Compare))
            .ThenBy(upload => upload.Id, StringComparer.Ordinal)
            .Take(maximum + 1)
            .ToList();
        var page = found.Take(maximum).ToList();

        var result = Xml.Element(
            "ListMultipartUploadsResult",
            Xml.Element("Bucket", bucket.Name),
            Xml.Element("KeyMarker", encode(keyMarker)),
            Xml.Element("UploadIdMarker", idMarker),
            Listing.Optional("Prefix", prefix, encode),
            Listing.Optional("EncodingType", request.Parameter("encoding-type"), text => text),
            Xml.Element("MaxUploads", maximum),
            Xml.Element("IsTruncated", found.Count > maximum),
            found.Count > maximum ? Xml.Element("NextKeyMarker", encode(page[^1].Metadata.Key)) : null,
            found.Count > maximum ? Xml.Element("NextUploadIdMarker", page[^1].Id) : null,
            page.Select(upload => Xml.Element(
                "Upload",
                Xml.Element("Key", encode(upload.Metadata.Key)),
                Xml.Element("UploadId", upload.Id),
                Xml.Element("StorageClass", "STANDARD"),
                Xml.Element("Initiated", Xml.Time(upload.Metadata.LastModified)))));
        await Xml.WriteAsync(request.Http.Response, result, cancellationToken);
    }

    public static async Task Parts(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var upload = Multipart.Find(request, store[request.Bucket]);
        var encode = Listing.Encoding(request);
        var marker = request.Number("part-number-marker", missing: 0, least: 0);
        var maximum = Math.Min(request.Number("max-parts", Most, least: 1), Most);
        var numbers = upload.PartNumbers().Where(number => number > marker).Take(maximum + 1).ToList();
        var isTruncated = numbers.Count > maximum;

        var result = Xml.Element(
            "ListPartsResult",
            Xml.Element("Bucket", request.Bucket),
            Xml.Element("Key", encode(request.Key)),
            Xml.Element("UploadId", upload.Id),
            Xml.Element("PartNumberMarker", marker),
            Xml.Element("MaxParts", maximum),
            Xml.Element("IsTruncated", isTruncated),
            isTruncated ? Xml.Element("NextPartNumberMarker", numbers[maximum - 1]) : null,
            Xml.Element("StorageClass", "STANDARD"));
        foreach (var number in numbers.Take(maximum))
        {
            using var part = upload.OpenPart(number);
            if (part is null)
                continue;
            result.Add(Xml.Element(
                "Part",
                Xml.Element("PartNumber", number),
                Xml.Element("LastModified", Xml.Time(part.Metadata.LastModified)),
                Xml.Element("ETag", $"\"{part.Metadata.ETag}\""),
                Xml.Element("Size", part.Metadata.Size)));
        }

        await Xml.WriteAsync(request.Http.Response, result, cancellationToken);
    }

    private static bool IsBehind(Upload upload, string keyMarker, string idMarker)
    {
        var order = KeyOrder.Compare(upload.Metadata.Key, keyMarker);
        return order > 0 || (order == 0 && idMarker.Length > 0 && string.CompareOrdinal(upload.Id, idMarker) > 0);
    }
}
