using System.Net;
using Amazon.S3;
using CloudTab.Testing;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>
/// Direct uploads to Ceph's RADOS Gateway, an independent S3. Debian's version does not compare the bytes with the
/// signed checksum: there the service finds the difference when it reads the object at the end.
/// </summary>
public sealed class DirectUploadsOnRadosGatewayTests(UploadFixture relay) : IClassFixture<UploadFixture>, IAsyncLifetime
{
    private RadosGateway? _gateway;
    private AmazonS3Client? _s3;
    private ServiceHost<UploadOptions>? _host;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(RadosGateway.IsInstalled, "Ceph's RADOS Gateway is not installed (Debian: ceph-mon, ceph-osd, radosgw).");
        _gateway = await RadosGateway.StartNewAsync(Token);
        _s3 = _gateway.Endpoint.CreateClient();
        await _s3.PutBucketAsync(relay.Bucket, Token);
        _host = relay.StartHost<UploadOptions>(ServiceSettings.For(_gateway.Endpoint).Select(setting => (setting.Key, setting.Value)));
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
            await _host.DisposeAsync();
        _s3?.Dispose();
        if (_gateway is not null)
            await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task Only_the_announced_file_is_stored()
    {
        using var client = _host!.Client();
        var file = Sample.Pdf(2 * CloudTab.Relay.ObjectUpload.PartSize + 1_000);
        var sessionId = await client.CreateAsync();

        var upload = await client.BeginDirectAsync(sessionId, file, inParts: true);
        using var tooMuch = await upload.Parts[2].SendPartAsync(new byte[1_001]);
        Assert.Equal(HttpStatusCode.Forbidden, tooMuch.StatusCode);
        using var early = await client.FinishAsync(upload);
        await early.IsProblemAsync(HttpStatusCode.Conflict, "parts_missing");
        foreach (var part in upload.Parts)
            await part.SentPartAsync(file);
        var stored = await client.FinishedAsync(upload);
        Assert.Equal(file.Sha256, stored.GetProperty("sha256").GetString());
        Assert.Equal(stored.GetRawText(), (await client.FinishedAsync(upload)).GetRawText());

        var exchanged = await client.BeginDirectAsync(sessionId, Sample.Pdf());
        await exchanged.Parts[0].SentPartAsync(Sample.Pdf());
        using var refused = await client.FinishAsync(exchanged);
        await refused.IsProblemAsync((HttpStatusCode)460, "checksum_mismatch");

        Assert.Single((await _s3!.ListObjectsV2Async(new() { BucketName = relay.Bucket }, Token)).S3Objects);
        Assert.Empty((await _s3.ListMultipartUploadsAsync(relay.Bucket, Token)).MultipartUploads ?? []);
    }

    [Fact]
    public async Task A_session_that_ends_leaves_nothing()
    {
        using var client = _host!.Client();
        var file = Sample.Pdf(CloudTab.Relay.ObjectUpload.PartSize + 1_000);
        var sessionId = await client.CreateAsync();
        var upload = await client.BeginDirectAsync(sessionId, file, inParts: true);
        await upload.Parts[0].SentPartAsync(file);

        using var withdrawn = await client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);

        using var late = await upload.Parts[1].SendPartAsync(upload.Parts[1].BytesOf(file));
        Assert.False(late.IsSuccessStatusCode);
        Assert.Empty((await _s3!.ListMultipartUploadsAsync(relay.Bucket, Token)).MultipartUploads ?? []);
        using var finish = await client.FinishAsync(upload);
        await finish.IsProblemAsync(HttpStatusCode.Gone, "upload_gone");
    }
}
