using System.Net;
using System.Xml.Linq;
using Amazon.S3.Model;
using CloudTab.Testing;

namespace CloudTab.Local.Tests;

/// <summary>What CloudTab expects of listings, of any S3.</summary>
public abstract class ListingBehaviours(S3Endpoint endpoint) : S3Test(endpoint)
{
    [Fact]
    public async Task A_prefix_is_listed_page_by_page()
    {
        for (var i = 0; i < 25; i++)
            await PutAsync($"2026-11-23/{i:D3}", Bytes(i));
        await PutAsync("2026-11-22/x", Bytes(1));
        await PutAsync("2026-11-24/x", Bytes(1));

        var found = new List<S3Object>();
        var request = new ListObjectsV2Request { BucketName = Bucket, Prefix = "2026-11-23/", MaxKeys = 10 };
        ListObjectsV2Response page;
        do
        {
            page = await S3.ListObjectsV2Async(request, Token);
            Assert.Equal(page.S3Objects.Count, page.KeyCount);
            found.AddRange(page.S3Objects);
            request.ContinuationToken = page.NextContinuationToken;
        }
        while (page.IsTruncated == true);

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"2026-11-23/{i:D3}"), found.Select(item => item.Key));
        Assert.Equal(Enumerable.Range(0, 25).Select(i => (long?)i), found.Select(item => item.Size));
        Assert.All(found, item => Assert.NotNull(item.LastModified));
    }

    [Fact]
    public async Task A_delimiter_groups_keys()
    {
        foreach (var key in (string[])["2026-11-22/a", "2026-11-22/b", "2026-11-23/a", "2026-11-23/deep/a", "top", "zebra"])
            await PutAsync(key, Bytes(1));

        var (keys, prefixes) = (new List<string>(), new List<string>());
        var request = new ListObjectsV2Request { BucketName = Bucket, Delimiter = "/", MaxKeys = 1 };
        ListObjectsV2Response page;
        do
        {
            page = await S3.ListObjectsV2Async(request, Token);
            keys.AddRange((page.S3Objects ?? []).Select(item => item.Key));
            prefixes.AddRange(page.CommonPrefixes ?? []);
            request.ContinuationToken = page.NextContinuationToken;
        }
        while (page.IsTruncated == true);

        Assert.Equal(["top", "zebra"], keys);
        Assert.Equal(["2026-11-22/", "2026-11-23/"], prefixes);

        var inside = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket, Prefix = "2026-11-23/", Delimiter = "/" }, Token);
        Assert.Equal("2026-11-23/a", Assert.Single(inside.S3Objects).Key);
        Assert.Equal("2026-11-23/deep/", Assert.Single(inside.CommonPrefixes));
    }

    [Fact]
    public async Task A_listing_starts_after_a_key()
    {
        foreach (var key in (string[])["a", "b", "c", "d"])
            await PutAsync(key, Bytes(1));
        var after = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket, StartAfter = "b" }, Token);
        Assert.Equal(["c", "d"], after.S3Objects.Select(item => item.Key));
        var between = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket, StartAfter = "bb", MaxKeys = 1 }, Token);
        Assert.Equal("c", Assert.Single(between.S3Objects).Key);
    }

    [Fact]
    public async Task Keys_are_ordered_by_their_bytes()
    {
        // U+FF5E comes before U+1F600 in UTF-8, and behind it in UTF-16.
        string[] ordered = ["A", "Z", "a", "a b", "a/b", "a0", "z", "ü", "～", "😀"];
        foreach (var key in ordered.Reverse())
            await PutAsync(key, Bytes(1));
        var listed = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token);
        Assert.Equal(ordered, listed.S3Objects.Select(item => item.Key));
    }

    [Fact]
    public async Task Keys_are_encoded_on_request()
    {
        await PutAsync("a b/ü+", Bytes(1));
        var request = new SignedRequest(Endpoint, HttpMethod.Get, $"/{Bucket}?encoding-type=url&list-type=2");
        using var answer = await request.SendAsync(Token);

        // Implementations differ in how they write a space and a slash; what it decodes to is the same.
        var key = XDocument.Parse(await answer.Content.ReadAsStringAsync(Token)).Descendants().Single(element => element.Name.LocalName == "Key").Value;
        Assert.Equal("a b/ü+", WebUtility.UrlDecode(key));
        Assert.Contains("%C3%BC%2B", key, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task An_empty_or_missing_bucket_has_nothing_to_list()
    {
        var listed = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket }, Token);
        Assert.Empty(listed.S3Objects ?? []);
        await RefusedAsync(HttpStatusCode.NotFound, "NoSuchBucket", S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket + "-missing" }, Token));
    }
}
